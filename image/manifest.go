package image

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/image/ext2"
	"github.com/gatehouse-os/gatehouse/site/bundle"
)

// Manifest describes an image completely: two images are the same if their manifests are. Hashes are SHA-256
// in hexadecimal, sizes are in bytes.
type Manifest struct {
	Version string   `json:"version"`
	Site    SitePart `json:"site"`
	Kernel  Kernel   `json:"kernel"`
	Disk    File     `json:"disk"`
	Go      string   `json:"go"` // version of the compiler
	Modules []Module `json:"modules"`
	Tree    []Record `json:"tree"` // sorted by path
}

// File is a file that belongs to the image.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Kernel is the kernel's file, and what it was built from where that is known.
type Kernel struct {
	File
	Version string `json:"version,omitempty"` // as uname -r prints it
	Config  string `json:"config,omitempty"`  // hash of its configuration
}

// SitePart says which site the image was made from.
type SitePart struct {
	Name   string `json:"name"`   // the appliance's name with the domain
	SHA256 string `json:"sha256"` // of the hashes and names of its files
}

// Module is a Go module in one of the programs.
type Module struct {
	Path    string `json:"path"`
	Version string `json:"version"`
	Sum     string `json:"sum,omitempty"` // as go.sum has it
}

// Record is a node of the root tree.
type Record struct {
	Path   string `json:"path"`
	Mode   string `json:"mode"` // as fs.FileMode prints it
	UID    uint32 `json:"uid"`
	GID    uint32 `json:"gid"`
	Size   int64  `json:"size,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	Link   string `json:"link,omitempty"`   // target of a symbolic link
	Device string `json:"device,omitempty"` // major:minor
}

// NewManifest describes the image made of in and tree, with the kernel and the disk as they were written.
func NewManifest(in Input, tree []ext2.Node, kernel Kernel, disk File) (Manifest, error) {
	records, err := describe(tree)
	if err != nil {
		return Manifest{}, err
	}
	m := Manifest{
		Version: in.Version, Kernel: kernel, Disk: disk, Tree: records,
		Site: SitePart{Name: in.Site.Name + "." + in.Site.Domain, SHA256: bundle.Hash(in.SiteFiles)},
	}
	m.Go, m.Modules, err = modulesOf(in.Programs)
	return m, err
}

// modulesOf returns the version of the compiler that has built the programs, and the modules in any of them,
// sorted.
func modulesOf(programs []Program) (compiler string, modules []Module, err error) {
	for _, p := range programs {
		info, err := buildinfo.Read(bytes.NewReader(p.Content))
		if err != nil {
			return "", nil, fmt.Errorf("the build information of %s: %w", p.Name, err)
		}
		compiler = info.GoVersion
		for _, d := range info.Deps {
			if d.Replace != nil {
				d = d.Replace
			}
			modules = append(modules, Module{Path: d.Path, Version: d.Version, Sum: d.Sum})
		}
	}
	slices.SortFunc(modules, func(a, b Module) int { return strings.Compare(a.Path, b.Path) })
	return compiler, slices.Compact(modules), nil
}

// describe returns the records of tree, sorted.
func describe(tree []ext2.Node) ([]Record, error) {
	records := make([]Record, 0, len(tree))
	for _, n := range tree {
		r := Record{Path: path.Join("/", n.Path), Mode: n.Mode.String(), UID: n.UID, GID: n.GID, Link: n.Link}
		switch {
		case n.Mode.IsRegular():
			sum, err := hashContent(n)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", n.Path, err)
			}
			r.Size, r.SHA256 = n.Size, sum
		case n.Mode&fs.ModeDevice != 0:
			r.Device = fmt.Sprintf("%d:%d", n.Major, n.Minor)
		}
		records = append(records, r)
	}
	slices.SortFunc(records, func(a, b Record) int { return strings.Compare(a.Path, b.Path) })
	return records, nil
}

func hashContent(n ext2.Node) (string, error) {
	h := sha256.New()
	if n.Open != nil {
		r, err := n.Open()
		if err != nil {
			return "", err
		}
		defer r.Close()
		if _, err := io.Copy(h, r); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
