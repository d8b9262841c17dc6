import org.springframework.boot.buildpack.platform.docker.DockerApi;
import org.springframework.boot.buildpack.platform.docker.UpdateListener;
import org.springframework.boot.buildpack.platform.docker.configuration.DockerRegistryAuthentication;
import org.springframework.boot.buildpack.platform.docker.type.ImageReference;

/** Spring Boot pulls images as it does those of builders, with its own reading of Docker's configuration. */
class SpringBootClient {
    public static void main(String[] images) throws InterruptedException {
        Images.takeAll(images, SpringBootClient::pull);
    }

    private static void pull(String image) throws Exception {
        ImageReference reference = ImageReference.of(image);
        DockerRegistryAuthentication authentication =
                DockerRegistryAuthentication.configuration(null, (message, problem) -> System.err.println(message + ": " + problem));
        new DockerApi().image().pull(reference, null, UpdateListener.none(), authentication.getAuthHeader(reference));
    }
}
