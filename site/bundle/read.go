package bundle

import (
	"bytes"
	"io"
	"io/fs"

	"github.com/gatehouse-os/gatehouse/site"
)

// Read loads the site in fsys and returns it with the content of its files: exactly those that site.Load
// read, so that nothing else that happens to lie in the directory gets onto the appliance, and what was
// checked is what it will read. Lines of moreKeys count as if they stood at the end of authorized_keys. The
// error is that of site.Load.
func Read(fsys fs.FS, moreKeys []byte) (*site.Site, map[string][]byte, error) {
	s, files, problems := Check(fsys, moreKeys)
	if problems.Failed() {
		return nil, nil, problems.Errors()
	}
	return s, files, nil
}

// Check is Read with the problems of site.Check.
func Check(fsys fs.FS, moreKeys []byte) (*site.Site, map[string][]byte, site.Problems) {
	r := &recorder{fsys: fsys, moreKeys: moreKeys, files: map[string][]byte{}}
	s, problems := site.Check(r)
	if problems.Failed() {
		return nil, nil, problems
	}
	return s, r.files, problems
}

// recorder is a file system that keeps what is read through it.
type recorder struct {
	fsys     fs.FS
	moreKeys []byte
	files    map[string][]byte
}

func (r *recorder) Open(name string) (fs.File, error) {
	f, err := r.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	r.files[name] = nil
	content := io.Reader(f)
	if name == "authorized_keys" && len(r.moreKeys) > 0 {
		content = io.MultiReader(f, bytes.NewReader([]byte("\n")), bytes.NewReader(r.moreKeys))
	}
	return &recorded{File: f, content: content, name: name, recorder: r}, nil
}

type recorded struct {
	fs.File
	*recorder
	content io.Reader
	name    string
}

func (f *recorded) Read(p []byte) (int, error) {
	n, err := f.content.Read(p)
	f.files[f.name] = append(f.files[f.name], p[:n]...)
	return n, err
}
