package userland

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	mainDir = "appliance/cmd/" // of the main packages, by the names of the programs
	// uroot is where the packages seem to lie: a directory that exists in the overlay only.
	uroot       = mainDir + "internal/uroot/"
	packageRoot = module + uroot
	module      = "github.com/gatehouse-os/gatehouse/"
)

// overlay maps the files that the build shall see, in the module at source, to those that are there.
func overlay(source, generated string, commands []command) (map[string]string, error) {
	files := map[string]string{}
	for _, p := range programs() {
		files[filepath.Join(source, mainDir, p, tableFile)] = filepath.Join(generated, p, tableFile)
	}
	for _, c := range commands {
		dir := filepath.FromSlash(c.below())
		entries, err := fs.ReadDir(os.DirFS(generated), filepath.ToSlash(dir))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".go") {
				files[filepath.Join(source, uroot, dir, e.Name())] = filepath.Join(generated, dir, e.Name())
			}
		}
	}
	return files, nil
}
