package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gatehouse-os/gatehouse/image"
	"github.com/gatehouse-os/gatehouse/image/ext2"
)

// output is a directory whose files are replaced together: they are written under other names, and renamed by
// commit when all of them are there.
type output struct {
	dir     string
	pending []pending
}

type pending struct{ temp, name string }

// create starts a file. Disks are the owner's alone, because a site can have secrets.
func (o *output) create(name string, perm fs.FileMode) (*os.File, error) {
	f, err := os.CreateTemp(o.dir, "."+name+".*")
	if err != nil {
		return nil, err
	}
	o.pending = append(o.pending, pending{f.Name(), filepath.Join(o.dir, name)})
	return f, f.Chmod(perm)
}

func (o *output) commit() error {
	for len(o.pending) > 0 {
		if err := os.Rename(o.pending[0].temp, o.pending[0].name); err != nil {
			return err
		}
		o.pending = o.pending[1:]
	}
	return nil
}

// cleanUp removes what was not committed.
func (o *output) cleanUp() error {
	var errs []error
	for _, p := range o.pending {
		errs = append(errs, os.Remove(p.temp))
	}
	return errors.Join(errs...)
}

func (o *output) text(name, content string) error {
	f, err := o.create(name, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	return errors.Join(err, f.Close())
}

func (o *output) copy(name, from string) (image.File, error) {
	source, err := os.Open(from)
	if err != nil {
		return image.File{}, err
	}
	defer source.Close()
	f, err := o.create(name, 0o644)
	if err != nil {
		return image.File{}, err
	}
	sum, size, err := hashFile(io.TeeReader(source, f))
	return image.File{Name: name, Size: size, SHA256: sum}, errors.Join(err, f.Close())
}

// disk writes a file system into a sparse file.
func (o *output) disk(name string, tree []ext2.Node, options ext2.Options) (image.File, error) {
	f, err := o.create(name, 0o600)
	if err != nil {
		return image.File{}, err
	}
	defer f.Close()
	if err := f.Truncate(options.Size); err != nil {
		return image.File{}, err
	}
	if err := ext2.Write(f, tree, options); err != nil {
		return image.File{}, fmt.Errorf("%s: %w", name, err)
	}
	sum, size, err := hashFile(io.NewSectionReader(f, 0, options.Size))
	return image.File{Name: name, Size: size, SHA256: sum}, err
}

// permDisk makes the disk for /perm if there is none; one that is there holds what an appliance wants to
// keep.
func (o *output) permDisk(options ext2.Options) (kept bool, err error) {
	if _, err := os.Lstat(filepath.Join(o.dir, image.PermFile)); !errors.Is(err, fs.ErrNotExist) {
		return true, err
	}
	_, err = o.disk(image.PermFile, nil, options)
	return false, err
}
