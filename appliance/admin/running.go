package admin

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/gatehouse-os/gatehouse/appliance/statefile"
	"github.com/gatehouse-os/gatehouse/site"
	"github.com/gatehouse-os/gatehouse/site/bundle"
)

// siteFile is the site that runs, in the directory of the control sockets.
const siteFile = "site.tar"

// WriteSite shows which site runs, in the directory of the control sockets, which must exist.
func WriteSite(dir string, files map[string][]byte, meta bundle.Meta) error {
	packed, err := bundle.Pack(files, meta)
	if err != nil {
		return err
	}
	return statefile.Write(filepath.Join(dir, siteFile), packed, 0o600)
}

// ReadSite returns the site that runs, or image's when none does.
func ReadSite(dir string, image fs.FS) (*site.Site, error) {
	packed, err := statefile.Read(filepath.Join(dir, siteFile), 2*bundle.MaxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return site.Load(image)
	}
	if err != nil {
		return nil, err
	}
	b, err := bundle.Open(packed)
	if err != nil {
		return nil, fmt.Errorf("the site that runs: %w", err)
	}
	return site.Load(b.FS())
}
