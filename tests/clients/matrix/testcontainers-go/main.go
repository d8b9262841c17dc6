// testcontainers-go pulls images: says `got IMAGE` of each.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/testcontainers/testcontainers-go"
)

func main() {
	for _, image := range os.Args[1:] {
		if err := pull(image); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", image, err)
		} else {
			fmt.Println("got", image)
		}
	}
}

func pull(image string) error {
	provider, err := testcontainers.NewDockerProvider()
	if err != nil {
		return err
	}
	defer provider.Close()
	return provider.PullImage(context.Background(), image)
}
