// Package bundle keeps a whole site in one file, a tar archive: to keep it, to send it, and to say where it
// came from. `tar xf` unpacks it.
//
// What Open and OpenTar return is within bounds (Max…), has plain files only, and its names are clean paths
// within the site; what Open returns is moreover just what Pack was given, to the bit. Whether it is a site
// is for site.Load to say, and what a person may be shown of a Meta is for the one who shows it.
package bundle

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/gatehouse-os/gatehouse/site"
)

// MetaName is the name of a bundle's first entry, the Meta as JSON.
const MetaName = ".gatehouse.json"

// The bounds of a bundle. A site of 10,000 hosts has less than 1 MiB in 4 files.
const (
	MaxBytes = site.MaxBytes // of all files together, not compressed
	MaxFiles = site.MaxFiles
	maxName  = 255      // bytes of a name
	maxMeta  = 16 << 10 // bytes of the Meta as JSON
)

// Meta says where a bundle came from. Fields of its JSON that are not known are passed over: a later version
// may say more.
type Meta struct {
	Base   string    `json:"base"`   // Hash of the image's site that this one was made on
	Who    string    `json:"who"`    // the person, as known from the key of the login
	From   string    `json:"from"`   // the address that it came from
	When   time.Time `json:"when"`   // by the clock of the appliance
	What   string    `json:"what"`   // in words of the person
	SHA256 string    `json:"sha256"` // Hash of the files; Pack fills it in
}

// Bundle is a site as the content of its files.
type Bundle struct {
	Files map[string][]byte // by their path within the site
	Meta  Meta              // zero if there was none
}

// Hash returns the SHA-256, in hexadecimal, of the names and contents of files in the form that sha256sum
// prints.
func Hash(files map[string][]byte) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%x  %s\n", sha256.Sum256(files[name]), name)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Pack returns files and meta as a bundle. The same arguments give the same bytes. It refuses what Open
// would.
func Pack(files map[string][]byte, meta Meta) ([]byte, error) {
	if err := check(files); err != nil {
		return nil, err
	}
	meta.SHA256 = Hash(files)
	meta.When = meta.When.UTC()
	head, err := json.Marshal(meta)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", MetaName, err)
	}
	if len(head) > maxMeta {
		return nil, fmt.Errorf("%s has %d bytes; expected at most %d", MetaName, len(head), maxMeta)
	}
	changed := time.Unix(0, 0)
	if !meta.When.IsZero() {
		changed = meta.When.Truncate(time.Second)
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	add := func(name string, data []byte) {
		size := int64(len(data))
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: changed}
		if err == nil {
			err = w.WriteHeader(h)
		}
		if err == nil {
			_, err = w.Write(data)
		}
	}
	add(MetaName, append(head, '\n'))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		add(name, files[name])
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Open reads a bundle, which may be compressed by gzip. Its files are those that Meta.SHA256 is the Hash of.
func Open(data []byte) (Bundle, error) {
	a, err := readArchive(bytes.NewReader(data))
	if err != nil {
		return Bundle{}, err
	}
	if a.metaAt != 1 {
		return Bundle{}, fmt.Errorf("this is no bundle of a site; expected %s as the first entry", MetaName)
	}
	b := Bundle{Files: a.files}
	if err := json.Unmarshal(a.meta, &b.Meta); err != nil {
		return Bundle{}, fmt.Errorf("entry %s: %w", MetaName, err)
	}
	if sum := Hash(b.Files); sum != b.Meta.SHA256 {
		return Bundle{}, fmt.Errorf("the files have the hash %s; expected %.64q, as %s says: "+
			"something was changed or is missing", sum, b.Meta.SHA256, MetaName)
	}
	return b, nil
}

// check returns why files are no content of a bundle.
func check(files map[string][]byte) error {
	if len(files) > MaxFiles {
		return fmt.Errorf("there are %d files; expected at most %d", len(files), MaxFiles)
	}
	total := 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if reason := notName(name); reason != "" {
			return fmt.Errorf("entry %.300q %s", name, reason)
		}
		if name == MetaName {
			return fmt.Errorf("entry %q is for the bundle itself; expected another name", name)
		}
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := files[dir]; ok {
				return fmt.Errorf("entry %q is within %q, which is a file", name, dir)
			}
		}
		if total += len(files[name]); total > MaxBytes {
			return tooLarge(name)
		}
	}
	return nil
}

func tooLarge(name string) error {
	return fmt.Errorf("entry %q: with it the files are larger than %d MiB; expected less", name, MaxBytes>>20)
}

// notName returns why a name is none for a file of a site. A name with an end of line would give two contents
// the same Hash.
func notName(name string) string {
	switch {
	case len(name) > maxName:
		return fmt.Sprintf("has a name of %d bytes; expected at most %d", len(name), maxName)
	case !fs.ValidPath(name) || name == ".":
		return `has no clean name; expected a path within the site such as "site.toml" or "lists/blocked.list"`
	case strings.ContainsFunc(name, unicode.IsControl):
		return "has a control character in its name; expected none"
	}
	return ""
}

// FS returns the files for site.Load. There are files to open by their names, and no directories to list.
func (b Bundle) FS() fs.FS { return memory(b.Files) }

// memory is files as a file system.
type memory map[string][]byte

func (m memory) Open(name string) (fs.File, error) {
	data, ok := m[name]
	switch {
	case !fs.ValidPath(name):
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	case !ok:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &memoryFile{Reader: bytes.NewReader(data), name: path.Base(name)}, nil
}

// memoryFile is an open file, and what is known about it.
type memoryFile struct {
	*bytes.Reader
	name string
}

func (f *memoryFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f *memoryFile) Close() error               { return nil }
func (f *memoryFile) Name() string               { return f.name }
func (f *memoryFile) Mode() fs.FileMode          { return 0o400 }
func (f *memoryFile) ModTime() time.Time         { return time.Time{} }
func (f *memoryFile) IsDir() bool                { return false }
func (f *memoryFile) Sys() any                   { return nil }
