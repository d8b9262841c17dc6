import com.google.cloud.tools.jib.api.Containerizer;
import com.google.cloud.tools.jib.api.ImageReference;
import com.google.cloud.tools.jib.api.Jib;
import com.google.cloud.tools.jib.api.RegistryImage;
import com.google.cloud.tools.jib.api.TarImage;
import com.google.cloud.tools.jib.frontend.CredentialRetrieverFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/** Jib builds from base images, with the retrievers that its plug-ins ask where nothing is configured. */
class JibClient {
    public static void main(String[] images) throws InterruptedException {
        Images.takeAll(images, JibClient::build);
    }

    private static void build(String image) throws Exception {
        CredentialRetrieverFactory retrievers =
                CredentialRetrieverFactory.forImage(ImageReference.parse(image), event -> System.err.println(event.getMessage()));
        RegistryImage base = RegistryImage.named(image)
                .addCredentialRetriever(retrievers.dockerConfig())
                .addCredentialRetriever(retrievers.wellKnownCredentialHelpers());
        Path folder = Files.createTempDirectory("jib");
        Jib.from(base)
                .containerize(Containerizer.to(TarImage.at(folder.resolve("image.tar")).named("built"))
                        .setBaseImageLayersCache(folder)
                        .setApplicationLayersCache(folder));
    }
}
