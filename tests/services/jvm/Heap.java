import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Makes garbage as every program does; while a file is there it keeps what it makes, up to a share of its heap. */
public class Heap {
    private static final List<byte[]> KEPT = new ArrayList<>();

    public static void main(String[] arguments) throws InterruptedException {
        Path full = Path.of(arguments[0]);
        double share = Double.parseDouble(arguments[1]);
        Runtime runtime = Runtime.getRuntime();
        while (true) {
            byte[] made = new byte[256 * 1024];
            long used = runtime.totalMemory() - runtime.freeMemory();
            if (!Files.exists(full)) {
                KEPT.clear();
                Thread.sleep(20);
            } else if (used < share * runtime.maxMemory()) {
                KEPT.add(made);
            } else {
                System.gc(); // all that it does from now on, as a machine that hardly finds room
            }
        }
    }
}
