# In place of eclipse-temurin:…-jre-…, from which Spark's image takes the folder /opt/java/openjdk.
FROM localhost/stand-in/java:here
RUN mkdir -p /opt/java && cp -rL /usr/lib/jvm/java-17-openjdk-amd64 /opt/java/openjdk
