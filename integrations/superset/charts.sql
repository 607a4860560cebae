-- What Superset draws: a schema `charts` with tables that fill.py fills from a store, and views over what Streamgauge writes
-- itself (series by a sink or `handover`, forecasts by `forecast --table`). Safe to run again: nothing is dropped, no row
-- changes. Where a table of Streamgauge is not there yet its view is empty; run this again once it is.
--
-- fill.py runs it each time. By hand: PGOPTIONS="-c charts.series=logs" psql -v ON_ERROR_STOP=1 -1 -f charts.sql
--   charts.series      the table of series (logs); its primary key is what names a series, and the moment
--   charts.forecasts   the table of forecasts (forecasts); its scores lie in the one called so with _scores behind it
--   charts.forecast_of the monitor whose windows are forecast; what they came to stands beside the forecasts

SET LOCAL client_min_messages = warning;  -- what is there already need not be said
SET LOCAL lock_timeout = '10s';  -- rather come again than hold up charts behind a long query
SELECT pg_advisory_xact_lock(hashtext('streamgauge charts'));  -- two that do this at once would collide in the catalogue
CREATE SCHEMA IF NOT EXISTS charts;

CREATE TABLE IF NOT EXISTS charts.incidents (
    id text PRIMARY KEY,
    monitor text NOT NULL,
    key text NOT NULL,  -- empty where a monitor has none
    kind text NOT NULL,
    state text NOT NULL,
    severity text NOT NULL,
    title text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    resolved_at timestamp with time zone,
    minutes double precision  -- how long it lasted
);
CREATE INDEX IF NOT EXISTS incidents_opened_at ON charts.incidents (opened_at);

CREATE TABLE IF NOT EXISTS charts.judged (
    monitor text NOT NULL,
    key text NOT NULL,
    window_start timestamp with time zone NOT NULL,
    window_end timestamp with time zone NOT NULL,
    severity text NOT NULL,
    value double precision,
    expected double precision,
    lower double precision,
    upper double precision,
    score double precision,
    PRIMARY KEY (monitor, key, window_start, window_end)
);
CREATE INDEX IF NOT EXISTS judged_window_end ON charts.judged (window_end);

CREATE TABLE IF NOT EXISTS charts.drift (
    monitor text NOT NULL,
    key text NOT NULL,
    window_start timestamp with time zone NOT NULL,
    window_end timestamp with time zone NOT NULL,
    feature text NOT NULL,
    state text NOT NULL,
    value double precision,
    floor double precision,  -- what chance alone may do with so many rows
    PRIMARY KEY (monitor, key, window_start, window_end, feature)
);
CREATE INDEX IF NOT EXISTS drift_window_end ON charts.drift (window_end);

CREATE TABLE IF NOT EXISTS charts.quality (
    monitor text NOT NULL,
    key text NOT NULL,
    window_start timestamp with time zone NOT NULL,
    window_end timestamp with time zone NOT NULL,
    measure text NOT NULL,
    told timestamp with time zone NOT NULL,
    value double precision,
    lower double precision,
    upper double precision,
    labels double precision,
    PRIMARY KEY (monitor, key, window_start, window_end, measure)
);
CREATE INDEX IF NOT EXISTS quality_window_end ON charts.quality (window_end);

DO $$
DECLARE
    series_name text := COALESCE(NULLIF(current_setting('charts.series', true), ''), 'logs');
    forecasts_name text := COALESCE(NULLIF(current_setting('charts.forecasts', true), ''), 'forecasts');
    forecast_of text := COALESCE(current_setting('charts.forecast_of', true), '');
    series_table regclass := to_regclass(series_name);
    forecasts_table regclass := to_regclass(forecasts_name);
    scores_table regclass := to_regclass(forecasts_name || '_scores');
    address name;  -- the column of a primary key that names a series
    moment name;   -- the one that says when
    numbers name[];
    pairs text;
    foretold text := '';
BEGIN
    IF series_table IS NOT NULL THEN
        SELECT max(a.attname::text) FILTER (WHERE a.atttypid NOT IN ('timestamptz'::regtype, 'timestamp'::regtype)),
               max(a.attname::text) FILTER (WHERE a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype))
        INTO address, moment
        FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
        WHERE i.indrelid = series_table AND i.indisprimary;
        IF address IS NULL OR moment IS NULL THEN
            RAISE EXCEPTION '% is no table of series: its primary key is not a name and a moment', series_name;
        END IF;
        SELECT array_agg(a.attname ORDER BY a.attnum)
        INTO numbers
        FROM pg_attribute AS a
        WHERE a.attrelid = series_table AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> address
          AND a.atttypid = ANY (ARRAY['float8', 'float4', 'numeric', 'int8', 'int4', 'int2']::regtype[]);
        SELECT string_agg(format('(%L, one.%I::double precision)', number, number), ', ')
        INTO pairs
        FROM unnest(numbers) AS number;
    END IF;

    IF pairs IS NULL THEN
        CREATE OR REPLACE VIEW charts.series (address, at, measure, value) AS
            SELECT NULL::text, NULL::timestamp with time zone, NULL::text, NULL::double precision WHERE false;
    ELSE
        EXECUTE format(
            'CREATE OR REPLACE VIEW charts.series (address, at, measure, value) AS '
            'SELECT one.%I::text, one.%I::timestamp with time zone, pair.measure::text, pair.value '
            'FROM %s AS one CROSS JOIN LATERAL (VALUES %s) AS pair (measure, value) WHERE pair.value IS NOT NULL',
            address, moment, series_table, pairs
        );
    END IF;

    IF forecasts_table IS NOT NULL THEN
        SELECT a.attname
        INTO STRICT address
        FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
        WHERE i.indrelid = forecasts_table AND i.indisprimary AND a.attname <> 'ds';
        foretold := format(
            ' UNION ALL SELECT one.%I::text, one.ds, NULL, one.yhat, one.yhat_lower, one.yhat_upper, one.model::text FROM %s AS one',
            address, forecasts_table
        );
    END IF;
    EXECUTE format(
        'CREATE OR REPLACE VIEW charts.real_and_forecast (address, at, real, yhat, yhat_lower, yhat_upper, model) AS '
        'SELECT key, window_end, value, NULL::double precision, NULL::double precision, NULL::double precision, NULL::text '
        'FROM charts.judged WHERE monitor = %L%s',
        forecast_of, foretold
    );

    IF forecasts_table IS NULL OR scores_table IS NULL THEN
        CREATE OR REPLACE VIEW charts.forecast_scores (address, since, until, compared, mae, rmse, coverage) AS
            SELECT NULL::text, NULL::timestamp with time zone, NULL::timestamp with time zone, NULL::bigint,
                   NULL::double precision, NULL::double precision, NULL::double precision WHERE false;
    ELSE
        EXECUTE format(
            'CREATE OR REPLACE VIEW charts.forecast_scores (address, since, until, compared, mae, rmse, coverage) AS '
            'SELECT one.%I::text, one.since, one.until, one.compared::bigint, one.mae, one.rmse, one.coverage FROM %s AS one',
            address, scores_table
        );
    END IF;
END
$$;
