import com.github.dockerjava.api.command.PullImageResultCallback;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.utility.DockerImageName;

/** Testcontainers pulls images, with the client that finds the credentials by itself. */
class TestcontainersClient {
    public static void main(String[] images) throws InterruptedException {
        // Several threads at once do not find it.
        DockerClientFactory.lazyClient().versionCmd().exec();
        Images.takeAll(images, TestcontainersClient::pull);
    }

    private static void pull(String image) throws Exception {
        DockerImageName name = DockerImageName.parse(image);
        DockerClientFactory.lazyClient()
                .pullImageCmd(name.getUnversionedPart())
                .withTag(name.getVersionPart())
                .exec(new PullImageResultCallback())
                .awaitCompletion();
    }
}
