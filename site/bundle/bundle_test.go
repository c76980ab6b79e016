package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/site"
)

const home = "../../examples/home"

// homeFiles are the reference site.
func homeFiles(t testing.TB) map[string][]byte {
	t.Helper()
	_, files, err := Read(os.DirFS(home), nil)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func testMeta() Meta {
	when := time.Date(2026, 3, 1, 12, 30, 15, 123456789, time.FixedZone("here", 3600))
	return Meta{Base: "ab12", Who: "anna@example", From: "192.168.1.7", When: when, What: "a new printer"}
}

func pack(t testing.TB, files map[string][]byte, meta Meta) []byte {
	t.Helper()
	data, err := Pack(files, meta)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestPackAndOpen(t *testing.T) {
	files := homeFiles(t)
	data := pack(t, files, testMeta())
	for form, data := range map[string][]byte{"plain": data, "gzip": compressed(t, data)} {
		b, err := Open(data)
		if err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		want := testMeta()
		want.SHA256, want.When = Hash(files), want.When.UTC()
		if !maps.EqualFunc(b.Files, files, bytes.Equal) || b.Meta != want {
			t.Errorf("%s: got %+v, want %+v with %d files", form, b, want, len(files))
		}
		s, err := site.Load(b.FS())
		original, _ := site.Load(os.DirFS(home))
		if err != nil || !reflect.DeepEqual(s, original) {
			t.Errorf("%s: got the site %+v, %v", form, s, err)
		}
	}
	if again := pack(t, files, testMeta()); !bytes.Equal(again, data) {
		t.Error("packed again it is another")
	}
}

// Whoever has no clock and nothing to say packs with a zero Meta.
func TestPackZeroMeta(t *testing.T) {
	b, err := Open(pack(t, map[string][]byte{"hosts": nil}, Meta{}))
	if err != nil || b.Meta != (Meta{SHA256: b.Meta.SHA256}) || len(b.Files) != 1 {
		t.Errorf("got %+v, %v", b, err)
	}
}

func TestHash(t *testing.T) {
	a := Hash(map[string][]byte{"a": []byte("1"), "b": []byte("2")})
	for _, other := range []map[string][]byte{
		{"a": []byte("2"), "b": []byte("1")}, {"a": []byte("1")}, {"a": []byte("12"), "b": nil}, {"a": []byte("1"), "c": []byte("2")},
	} {
		if Hash(other) == a {
			t.Errorf("%q has the same hash", other)
		}
	}
}

// A person can take it apart without us, and gets the same hash.
func TestTarUnpacks(t *testing.T) {
	files, dir := homeFiles(t), t.TempDir()
	cmd := exec.Command("sh", "-c", `tar xf - && sha256sum $(ls | LC_ALL=C sort) | sha256sum`)
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(pack(t, files, testMeta()))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), Hash(files)) {
		t.Fatalf("%v: %s", err, out)
	}
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	var meta Meta
	text, err := os.ReadFile(filepath.Join(dir, MetaName))
	if err != nil || json.Unmarshal(text, &meta) != nil || meta.SHA256 != Hash(files) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestOpenTarOfTar(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(home)); err != nil {
		t.Fatal(err)
	}
	long := "lists/" + strings.Repeat("ö", 100) // beyond the 100 bytes of the first tar, and no ASCII
	for name, text := range map[string]string{long: "192.0.2.1\n", MetaName: "of another bundle"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := homeFiles(t)
	want[long] = []byte("192.0.2.1\n")
	for _, args := range [][]string{
		{"c", "."}, {"cz", "."}, {"c", "--format=ustar", "./site.toml", "hosts"}, {"c", "--format=pax", "--xattrs", "."}, {"c", "--format=v7", "site.toml", "hosts"},
		{"c", "-b", "1", "."}, {"c", "-b", "512", "."}, {"cS", "."},
	} {
		cmd := exec.Command("tar", args...)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("tar %v: %v", args, err)
		}
		b, err := OpenTar(bytes.NewReader(out))
		if err != nil {
			t.Errorf("tar %v: %v", args, err)
		}
		for name, data := range want {
			if got, ok := b.Files[name]; args[len(args)-1] == "." && !ok || ok && !bytes.Equal(got, data) {
				t.Errorf("tar %v: %s is %q", args, name, got)
			}
		}
		if b.Files[MetaName] != nil || b.Meta != (Meta{}) {
			t.Errorf("tar %v: the meta was taken: %+v", args, b.Meta)
		}
	}
}

func compressed(t testing.TB, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// entries makes an archive of headers; the content of each is zeros.
func entries(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range headers {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, h.Size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestOpenTarRefuses(t *testing.T) {
	var many, dirs []tar.Header
	for i := range MaxFiles + 1 {
		many = append(many, tar.Header{Name: fmt.Sprint("f", i)})
	}
	for i := range maxEntries + 1 {
		dirs = append(dirs, tar.Header{Typeflag: tar.TypeDir, Name: fmt.Sprint("d", i, "/")})
	}
	sum := compressed(t, entries(t, tar.Header{Name: "hosts"}))
	sum[len(sum)-5] ^= 1
	whole := entries(t, tar.Header{Name: "hosts", Size: 600}, tar.Header{Name: "ethers", Size: 10})
	for want, data := range map[string][]byte{
		`entry "hosts" is a symbolic link; expected plain files`:  entries(t, tar.Header{Typeflag: tar.TypeSymlink, Name: "hosts", Linkname: "/etc/hosts"}),
		`entry "hosts" is a hard link`:                            entries(t, tar.Header{Typeflag: tar.TypeLink, Name: "hosts", Linkname: "ethers"}),
		`entry "hosts" is a device`:                               entries(t, tar.Header{Typeflag: tar.TypeChar, Name: "hosts"}),
		`entry "hosts" is a named pipe`:                           entries(t, tar.Header{Typeflag: tar.TypeFifo, Name: "hosts"}),
		`entry "/etc/hosts" has no clean name; expected a path`:   entries(t, tar.Header{Name: "/etc/hosts"}),
		`entry "../hosts" has no clean name`:                      entries(t, tar.Header{Name: "../hosts"}),
		`entry "a/../hosts" has no clean name`:                    entries(t, tar.Header{Name: "a/../hosts"}),
		`entry "././hosts" has no clean name`:                     entries(t, tar.Header{Name: "././hosts"}),
		`entry "a\nb" has a control character in its name`:        entries(t, tar.Header{Name: "a\nb"}),
		`has a name of 256 bytes; expected at most 255`:           entries(t, tar.Header{Name: strings.Repeat("a", 256)}),
		`entry "hosts" is there a second time`:                    entries(t, tar.Header{Name: "hosts"}, tar.Header{Name: "./hosts"}),
		`entry "hosts/a" is within "hosts", which is a file`:      entries(t, tar.Header{Name: "hosts/a"}, tar.Header{Name: "hosts"}),
		`entry "f64" is the 65th file; expected at most 64`:       entries(t, many...),
		`the archive has more than 256 entries`:                   entries(t, dirs...),
		`entry "b": with it the files are larger than 16 MiB`:     entries(t, tar.Header{Name: "a", Size: MaxBytes}, tar.Header{Name: "b", Size: 1}),
		`entry .gatehouse.json has 16385 bytes; expected at most`: entries(t, tar.Header{Name: MetaName, Size: maxMeta + 1}),
		`the archive has more than 17 MiB, not compressed`:        compressed(t, append(entries(t), make([]byte, MaxPacked)...)),
		`the archive ends without the mark of its end`:            whole[:3*512],
		`entry "hosts" cannot be read: the archive ends within`:   whole[:512+100],
		`entry 2 cannot be read: the archive ends within it`:      whole[:3*512+100],
		`something follows the end of the archive`:                append(entries(t, tar.Header{Name: "hosts"}), "more"...),
		`the end of the archive cannot be read: gzip: invalid`:    sum,
		`the archive cannot be decompressed`:                      []byte("\x1f\x8b"),
		`entry 1 cannot be read: this is no tar archive`:          bytes.Repeat([]byte("name = \"firewall\"\n"), 100),
		`the archive has no files; expected those of a site`:      entries(t, tar.Header{Typeflag: tar.TypeDir, Name: "./"}),
	} {
		if _, err := OpenTar(bytes.NewReader(data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// Of a broken bundle nothing is taken: wherever it is cut, and whichever bit of a name or content turns over.
func TestOpenBroken(t *testing.T) {
	data := pack(t, map[string][]byte{"hosts": []byte("192.0.2.1 a\n"), "site.toml": []byte("name = 1\n")}, testMeta())
	for n := range data {
		if _, err := Open(data[:n]); err == nil {
			t.Errorf("the first %d bytes are a bundle", n)
		}
	}
	at := bytes.Index(data, []byte("192.0.2.1"))
	for bit := range 8 * len("192.0.2.1 a\n") {
		broken := bytes.Clone(data)
		broken[at+bit/8] ^= 1 << (bit % 8)
		if _, err := Open(broken); err == nil || !strings.Contains(err.Error(), "something was changed") {
			t.Errorf("bit %d: %v", bit, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	good := pack(t, map[string][]byte{"hosts": nil}, Meta{})
	for want, data := range map[string][]byte{
		"this is no bundle of a site; expected .gatehouse.json as the first entry": entries(t, tar.Header{Name: "hosts"}),
		"expected .gatehouse.json as the first":                                    entries(t, tar.Header{Name: "hosts"}, tar.Header{Name: MetaName}),
		"entry .gatehouse.json: invalid":                                           bytes.Replace(good, []byte(`{"base"`), []byte(`["base"`), 1),
		"the files have the hash ":                                                 bytes.Replace(good, []byte(`"sha256"`), []byte(`"sha255"`), 1),
	} {
		if _, err := Open(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestPackRefuses(t *testing.T) {
	many := map[string][]byte{}
	for i := range MaxFiles + 1 {
		many[fmt.Sprint(i)] = nil
	}
	for want, files := range map[string]map[string][]byte{
		"there are 65 files; expected at most 64":   many,
		`"b": with it the files are larger than 16`: {"a": make([]byte, MaxBytes), "b": {1}},
		`entry "../a" has no clean name`:            {"../a": nil},
		`".gatehouse.json" is for the bundle`:       {MetaName: nil},
		`"a/b/c" is within "a", which is a file`:    {"a": nil, "a/b/c": nil},
	} {
		if _, err := Pack(files, Meta{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := Pack(nil, Meta{What: strings.Repeat("a", maxMeta)}); err == nil {
		t.Error("a long meta was packed")
	}
	if _, err := Pack(nil, Meta{When: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}); err == nil {
		t.Error("a time that JSON has no form for was packed")
	}
	if b, err := Open(pack(t, map[string][]byte{"a": make([]byte, MaxBytes)}, Meta{})); err != nil || len(b.Files["a"]) != MaxBytes {
		t.Errorf("the largest: %v", err)
	}
}

func TestFS(t *testing.T) {
	fsys := Bundle{Files: map[string][]byte{"lists/a": []byte("1")}}.FS()
	data, err := fs.ReadFile(fsys, "lists/a")
	info, statErr := fs.Stat(fsys, "lists/a")
	if err != nil || statErr != nil || string(data) != "1" || info.Name() != "a" || info.Size() != 1 || !info.Mode().IsRegular() {
		t.Errorf("got %q, %v; %v, %v", data, err, info, statErr)
	}
	for name, want := range map[string]error{"lists/b": fs.ErrNotExist, "lists": fs.ErrNotExist, "../a": fs.ErrInvalid} {
		if _, err := fsys.Open(name); err == nil || !strings.Contains(err.Error(), want.Error()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever Open or OpenTar takes is within the bounds, and is packed and opened again.
func FuzzOpen(f *testing.F) {
	f.Add(pack(f, map[string][]byte{"hosts": []byte("192.0.2.1 a\n"), "site.toml": []byte("name = 1\n")}, testMeta()))
	f.Add(compressed(f, pack(f, map[string][]byte{"lists/a": nil}, Meta{})))
	f.Add(entries(f, tar.Header{Typeflag: tar.TypeDir, Name: "./"}, tar.Header{Name: "./" + strings.Repeat("ö", 60), Size: 3}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if b, err := OpenTar(bytes.NewReader(data)); err == nil {
			again, err := Open(pack(t, b.Files, Meta{}))
			if err != nil || !maps.EqualFunc(again.Files, b.Files, bytes.Equal) {
				t.Errorf("from tar: %v", err)
			}
		}
		if b, err := Open(data); err == nil {
			again, err := Open(pack(t, b.Files, b.Meta))
			if err != nil || !maps.EqualFunc(again.Files, b.Files, bytes.Equal) || !again.Meta.When.Equal(b.Meta.When) {
				t.Errorf("%v, %+v", err, b.Meta)
			}
		}
	})
}
