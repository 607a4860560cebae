package io.streamgauge.connect;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/**
 * Posts to one address and says what the answer means. Nothing that it returns holds the address beyond
 * {@code scheme://host}: the rest of an Incoming Webhook's URL is its password.
 */
final class Webhook {
  private static final int BODY = 200;

  private final URI url;
  private final Map<String, String> headers;
  private final Duration timeout;
  private final Clock clock;
  private final HttpClient client;
  private final String origin;

  Webhook(URI url, Map<String, String> headers, Duration timeout, Clock clock) {
    this.url = url;
    this.headers = headers;
    this.timeout = timeout;
    this.clock = clock;
    this.origin = url.getScheme() + "://" + url.getHost() + (url.getPort() < 0 ? "" : ":" + url.getPort());
    this.client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(timeout).build();
  }

  /** {@code scheme://host[:port]}: all of the address that may be shown. */
  String origin() {
    return origin;
  }

  /** Posts once; it ends within the time-out whatever the receiver does. */
  Answer post(String body, Map<String, String> more) {
    HttpRequest.Builder request = HttpRequest.newBuilder(url).timeout(timeout);
    headers.forEach(request::setHeader);
    more.forEach(request::setHeader);
    Beginning reply = new Beginning();
    var sent = client.sendAsync(
        request.POST(HttpRequest.BodyPublishers.ofString(body, StandardCharsets.UTF_8)).build(), reply);
    try {
      sent.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException | ExecutionException error) {
      sent.cancel(true);
      if (reply.headers == null) { // once the status has come, a body that is slow or breaks off changes nothing
        return again(error instanceof TimeoutException ? null : error.getCause());
      }
    } catch (InterruptedException error) {
      sent.cancel(true);
      Thread.currentThread().interrupt();
      return new Answer(Answer.Result.AGAIN, "the task is being stopped", null, "");
    }
    return judge(reply.status, reply.headers, shown(reply.text()));
  }

  private Answer again(Throwable cause) {
    String why = cause == null || cause instanceof java.net.http.HttpTimeoutException
        ? " did not answer within " + timeout.toMillis() + " ms"
        : " cannot be reached: " + shown(cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage());
    return new Answer(Answer.Result.AGAIN, origin + why, null, "");
  }

  private Answer judge(int status, HttpHeaders given, String said) {
    String more = said.isEmpty() ? "" : ": " + said;
    if (status / 100 == 2) {
      return new Answer(Answer.Result.DELIVERED, origin + " answered " + status, null, said);
    }
    if (status == 408 || status == 429 || status >= 500) {
      return new Answer(Answer.Result.AGAIN, origin + " answered " + status + more, retryAfter(given), said);
    }
    String redirects = status / 100 == 3 ? "; redirects are not followed, set the final address" : "";
    return new Answer(Answer.Result.REFUSED, origin + " refused it with " + status + more + redirects, null, said);
  }

  private Duration retryAfter(HttpHeaders given) {
    String text = given.firstValue("retry-after").orElse("").strip();
    if (text.matches("\\d{1,9}")) {
      return Duration.ofSeconds(Long.parseLong(text));
    }
    Instant until = date(text);
    Instant now = date(given.firstValue("date").orElse(""));
    return until == null ? null : Duration.between(now == null ? clock.instant() : now, until);
  }

  private static Instant date(String text) {
    try {
      return ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
    } catch (DateTimeException error) {
      return null;
    }
  }

  /** What somebody else said, without our secrets, printable, short. */
  private String shown(String said) {
    String text = said;
    Stream<String> parts = Stream.of(url.toString(), url.getRawPath(), url.getPath(), url.getRawQuery(), url.getRawUserInfo());
    for (String secret : Stream.concat(parts, headers.values().stream()).toList()) {
      text = secret == null || secret.length() < 5 ? text : text.replace(secret, "***");
    }
    return Text.printable(text.strip(), BODY);
  }

  /** Keeps the status as soon as it comes, and the beginning of the body. */
  private static final class Beginning implements HttpResponse.BodyHandler<Void>, HttpResponse.BodySubscriber<Void> {
    private final CompletableFuture<Void> done = new CompletableFuture<>();
    private final StringBuffer text = new StringBuffer();
    private volatile int status;
    private volatile HttpHeaders headers;

    @Override
    public HttpResponse.BodySubscriber<Void> apply(HttpResponse.ResponseInfo info) {
      status = info.statusCode();
      headers = info.headers();
      return this;
    }

    String text() {
      return text.toString();
    }

    @Override
    public CompletionStage<Void> getBody() {
      return done;
    }

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      subscription.request(Long.MAX_VALUE);
    }

    @Override
    public void onNext(List<ByteBuffer> pieces) {
      for (ByteBuffer piece : pieces) {
        if (text.length() < 4 * BODY) {
          byte[] bytes = new byte[Math.min(piece.remaining(), 4 * BODY)];
          piece.get(bytes);
          text.append(new String(bytes, StandardCharsets.UTF_8));
        }
      }
    }

    @Override
    public void onError(Throwable error) {
      done.complete(null);
    }

    @Override
    public void onComplete() {
      done.complete(null);
    }
  }
}
