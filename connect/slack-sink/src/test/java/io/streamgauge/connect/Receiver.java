package io.streamgauge.connect;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;

/** A real receiver: answers as told, then 200, and keeps what it took. */
final class Receiver implements AutoCloseable {
  /** One answer; {@code late} never comes. */
  record Reply(int status, String body, Map<String, String> headers, boolean late) {
    static Reply of(int status, String body) {
      return new Reply(status, body, Map.of(), false);
    }
  }

  final Queue<Reply> script = new ArrayDeque<>();
  final List<String> taken = new CopyOnWriteArrayList<>();
  final List<Map<String, List<String>>> headers = new CopyOnWriteArrayList<>();
  private final HttpServer server;

  Receiver() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(Executors.newCachedThreadPool(job -> {
      Thread thread = new Thread(job);
      thread.setDaemon(true);
      return thread;
    }));
    server.createContext("/", this::answer);
    server.start();
  }

  String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort() + "/services/T0/B0/s3cretpath";
  }

  private void answer(HttpExchange exchange) throws IOException {
    String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
    headers.add(exchange.getRequestHeaders());
    Reply reply = script.isEmpty() ? Reply.of(200, "ok") : script.remove();
    if (reply.late()) {
      return;
    }
    if (reply.status() == 200) {
      taken.add(body);
    }
    reply.headers().forEach(exchange.getResponseHeaders()::set);
    byte[] said = reply.body().getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(reply.status(), said.length == 0 ? -1 : said.length);
    exchange.getResponseBody().write(said);
    exchange.close();
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
