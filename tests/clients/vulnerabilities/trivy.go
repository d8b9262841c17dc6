// Makes a database for trivy in which one package of Alpine's has one vulnerability.
//
// usage: trivy FOLDER
package main

import (
	"log"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// What lies below which path.
var entries = []struct {
	path  []string
	value string
}{
	{[]string{"alpine 3.20", "app-library", "CVE-2026-0001"}, `{"FixedVersion": "1.2.4-r0"}`},
	{[]string{"vulnerability", "CVE-2026-0001"}, `{"Title": "app-library is pretended to be vulnerable", "Severity": "HIGH"}`},
	{[]string{"data-source", "alpine 3.20"}, `{"ID": "alpine", "Name": "Alpine Secdb", "URL": "https://secdb.alpinelinux.org/"}`},
}

// It is taken for fresh.
const metadata = `{"Version": 2, "UpdatedAt": "2026-01-01T00:00:00Z", "NextUpdate": "2126-01-01T00:00:00Z", "DownloadedAt": "2026-01-01T00:00:00Z"}`

func put(tx *bbolt.Tx, path []string, value string) error {
	bucket, err := tx.CreateBucketIfNotExists([]byte(path[0]))
	for _, name := range path[1 : len(path)-1] {
		if err != nil {
			return err
		}
		bucket, err = bucket.CreateBucketIfNotExists([]byte(name))
	}
	if err != nil {
		return err
	}
	return bucket.Put([]byte(path[len(path)-1]), []byte(value))
}

func write(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	database, err := bbolt.Open(filepath.Join(folder, "trivy.db"), 0o644, nil)
	if err != nil {
		return err
	}
	defer database.Close()
	err = database.Update(func(tx *bbolt.Tx) error {
		for _, entry := range entries {
			if err := put(tx, entry.path, entry.value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "metadata.json"), []byte(metadata), 0o644)
}

func main() {
	if err := write(filepath.Join(os.Args[1], "db")); err != nil {
		log.Fatal(err)
	}
}
