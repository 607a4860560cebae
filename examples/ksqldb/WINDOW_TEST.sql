CREATE TABLE anomaly_window AS
SELECT
  COUNT(*) AS event_count
FROM input_stream
WINDOW TUMBLING (SIZE 5 SECONDS)
HAVING COUNT(*) > threshold;
