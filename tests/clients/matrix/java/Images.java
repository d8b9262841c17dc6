import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** Lets a client take images side by side, and says {@code got IMAGE} of each that it got. */
final class Images {
    interface Client {
        void take(String image) throws Exception;
    }

    static void takeAll(String[] images, Client client) throws InterruptedException {
        ExecutorService several = Executors.newFixedThreadPool(6);
        for (String image : images) {
            several.execute(() -> {
                try {
                    client.take(image);
                    System.out.println("got " + image);
                } catch (Throwable problem) {
                    System.err.println(image + ": " + problem);
                }
            });
        }
        several.shutdown();
        several.awaitTermination(4, TimeUnit.MINUTES);
        System.exit(0);
    }

    private Images() {}
}
