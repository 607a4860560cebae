# In place of apache/kafka:… with the same jars from Maven Central (the context), its user, and one of its programs.
FROM localhost/stand-in/java:here
RUN useradd --uid 1000 --create-home appuser && mkdir -p /opt/kafka/bin /opt/kafka/config \
    && printf '%s\n' '#!/bin/sh' 'exec java $KAFKA_HEAP_OPTS $KAFKA_OPTS -Dkafka.logs.dir="$LOG_DIR" \' \
         '  -Dlog4j2.configurationFile=/opt/kafka/config/log4j2.properties -cp "/opt/kafka/libs/*" \' \
         '  org.apache.kafka.connect.cli.ConnectDistributed "$@"' > /opt/kafka/bin/connect-distributed.sh \
    && chmod 0755 /opt/kafka/bin/connect-distributed.sh \
    && printf '%s\n' 'status=error' 'appender.c.type=Console' 'appender.c.name=C' 'appender.c.layout.type=PatternLayout' \
         'appender.c.layout.pattern=%d{HH:mm:ss} %p %c - %m%n%throwable' 'rootLogger.level=INFO' 'rootLogger.appenderRef.c.ref=C' \
         > /opt/kafka/config/log4j2.properties
COPY *.jar /opt/kafka/libs/
USER appuser
