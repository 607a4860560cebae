-- Invented events of an input stream with one deliberate spike.
-- Two events every three seconds, and 40 within the window that begins at 10:00:25.
CREATE STREAM input_stream (
  event_id BIGINT,
  device VARCHAR,
  reading DOUBLE,
  event_time TIMESTAMP
) WITH (
  kafka_topic = 'input_stream',
  value_format = 'JSON',
  partitions = 1,
  timestamp = 'event_time'
);

INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (1, 'sensor-2', 20.25, '2026-03-02T10:00:00.165Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (2, 'sensor-3', 21.58, '2026-03-02T10:00:01.577Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (3, 'sensor-3', 22.19, '2026-03-02T10:00:03.202Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (4, 'sensor-3', 21.83, '2026-03-02T10:00:04.833Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (5, 'sensor-1', 20.35, '2026-03-02T10:00:06.024Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (6, 'sensor-4', 20.49, '2026-03-02T10:00:07.537Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (7, 'sensor-3', 20.46, '2026-03-02T10:00:09.274Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (8, 'sensor-4', 21.27, '2026-03-02T10:00:10.548Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (9, 'sensor-1', 22.29, '2026-03-02T10:00:12.187Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (10, 'sensor-3', 21.02, '2026-03-02T10:00:13.798Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (11, 'sensor-3', 21.78, '2026-03-02T10:00:15.029Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (12, 'sensor-4', 20.21, '2026-03-02T10:00:16.759Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (13, 'sensor-1', 22.83, '2026-03-02T10:00:18.109Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (14, 'sensor-4', 22.09, '2026-03-02T10:00:19.519Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (15, 'sensor-1', 20.18, '2026-03-02T10:00:21.044Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (16, 'sensor-3', 21.94, '2026-03-02T10:00:22.722Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (17, 'sensor-4', 20.85, '2026-03-02T10:00:24.214Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (18, 'sensor-4', 22.66, '2026-03-02T10:00:25.209Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (19, 'sensor-3', 20.07, '2026-03-02T10:00:25.344Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (20, 'sensor-4', 21.07, '2026-03-02T10:00:25.427Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (21, 'sensor-1', 21.48, '2026-03-02T10:00:25.535Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (22, 'sensor-2', 22.3, '2026-03-02T10:00:25.566Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (23, 'sensor-2', 22.22, '2026-03-02T10:00:25.659Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (24, 'sensor-4', 21.17, '2026-03-02T10:00:25.785Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (25, 'sensor-4', 20.24, '2026-03-02T10:00:25.912Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (26, 'sensor-4', 21.2, '2026-03-02T10:00:26.013Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (27, 'sensor-3', 22.65, '2026-03-02T10:00:26.091Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (28, 'sensor-4', 22.59, '2026-03-02T10:00:26.196Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (29, 'sensor-3', 22.12, '2026-03-02T10:00:26.337Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (30, 'sensor-3', 22.05, '2026-03-02T10:00:26.446Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (31, 'sensor-4', 22.87, '2026-03-02T10:00:26.560Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (32, 'sensor-2', 20.25, '2026-03-02T10:00:26.642Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (33, 'sensor-2', 20.7, '2026-03-02T10:00:26.763Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (34, 'sensor-2', 20.04, '2026-03-02T10:00:26.856Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (35, 'sensor-2', 20.79, '2026-03-02T10:00:26.995Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (36, 'sensor-1', 20.44, '2026-03-02T10:00:27.115Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (37, 'sensor-3', 21.83, '2026-03-02T10:00:27.123Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (38, 'sensor-3', 22.86, '2026-03-02T10:00:27.184Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (39, 'sensor-1', 21.37, '2026-03-02T10:00:27.326Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (40, 'sensor-4', 21.19, '2026-03-02T10:00:27.403Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (41, 'sensor-4', 20.31, '2026-03-02T10:00:27.549Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (42, 'sensor-4', 20.19, '2026-03-02T10:00:27.633Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (43, 'sensor-1', 22.95, '2026-03-02T10:00:27.761Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (44, 'sensor-4', 20.49, '2026-03-02T10:00:27.883Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (45, 'sensor-3', 21.8, '2026-03-02T10:00:27.984Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (46, 'sensor-1', 20.0, '2026-03-02T10:00:28.087Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (47, 'sensor-2', 21.61, '2026-03-02T10:00:28.219Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (48, 'sensor-3', 21.84, '2026-03-02T10:00:28.300Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (49, 'sensor-1', 22.62, '2026-03-02T10:00:28.419Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (50, 'sensor-4', 20.45, '2026-03-02T10:00:28.537Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (51, 'sensor-3', 22.87, '2026-03-02T10:00:28.546Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (52, 'sensor-3', 21.42, '2026-03-02T10:00:28.669Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (53, 'sensor-1', 22.55, '2026-03-02T10:00:28.749Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (54, 'sensor-4', 21.44, '2026-03-02T10:00:28.853Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (55, 'sensor-3', 20.26, '2026-03-02T10:00:28.959Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (56, 'sensor-1', 22.25, '2026-03-02T10:00:29.065Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (57, 'sensor-3', 21.44, '2026-03-02T10:00:29.210Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (58, 'sensor-2', 21.55, '2026-03-02T10:00:29.281Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (59, 'sensor-2', 22.85, '2026-03-02T10:00:29.424Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (60, 'sensor-3', 20.44, '2026-03-02T10:00:29.539Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (61, 'sensor-1', 22.27, '2026-03-02T10:00:30.282Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (62, 'sensor-3', 22.94, '2026-03-02T10:00:31.717Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (63, 'sensor-1', 22.09, '2026-03-02T10:00:33.030Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (64, 'sensor-3', 21.56, '2026-03-02T10:00:34.789Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (65, 'sensor-2', 21.07, '2026-03-02T10:00:36.063Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (66, 'sensor-2', 21.6, '2026-03-02T10:00:37.614Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (67, 'sensor-3', 21.91, '2026-03-02T10:00:39.322Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (68, 'sensor-2', 22.42, '2026-03-02T10:00:40.821Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (69, 'sensor-4', 22.22, '2026-03-02T10:00:42.298Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (70, 'sensor-2', 20.6, '2026-03-02T10:00:43.531Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (71, 'sensor-4', 21.07, '2026-03-02T10:00:45.295Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (72, 'sensor-1', 22.97, '2026-03-02T10:00:46.799Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (73, 'sensor-3', 21.42, '2026-03-02T10:00:48.203Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (74, 'sensor-2', 22.08, '2026-03-02T10:00:49.525Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (75, 'sensor-3', 21.34, '2026-03-02T10:00:51.113Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (76, 'sensor-3', 22.87, '2026-03-02T10:00:52.523Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (77, 'sensor-3', 20.24, '2026-03-02T10:00:54.285Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (78, 'sensor-1', 20.68, '2026-03-02T10:00:55.568Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (79, 'sensor-2', 21.01, '2026-03-02T10:00:57.148Z');
INSERT INTO input_stream (event_id, device, reading, event_time) VALUES (80, 'sensor-4', 21.87, '2026-03-02T10:00:58.714Z');
