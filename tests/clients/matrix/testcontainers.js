// Testcontainers pulls images.
//
// usage: node testcontainers.js PACKAGE IMAGE...
const [name, ...images] = process.argv.slice(2);
const { getContainerRuntimeClient, ImageName } = require(name);

async function main() {
  const client = await getContainerRuntimeClient();
  const pulls = images.map(async (image) => {
    try {
      await client.image.pull(ImageName.fromString(image), { force: true });
    } catch (error) {
      console.error(`${image}: ${error}`);
    }
  });
  await Promise.all(pulls);
}

main();
