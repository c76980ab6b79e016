package dir

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestOpen: nothing but regular files within the directory is read, and nothing is waited for.
func TestOpen(t *testing.T) {
	above := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(above, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(os.MkdirAll(filepath.Join(above, "site/lists"), 0o700))
	write("secret", "secret")
	write("site/hosts", "own")
	write("site/lists/a", "own")
	in := func(name string) string { return filepath.Join(above, "site", name) }
	check(syscall.Mkfifo(in("pipe"), 0o600))
	check(syscall.Mknod(in("device"), syscall.S_IFCHR|0o600, 1<<8|3)) // /dev/null
	for name, to := range map[string]string{
		"absolute": "/etc/shadow", "up": "../secret", "etc": "/etc", "within": "lists/a", "round": "lists/../hosts",
		"self": "self", "nowhere": "gone", "topipe": "pipe", "outer": "up",
	} {
		check(os.Symlink(to, in(name)))
	}
	socket, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	check(err)
	defer syscall.Close(socket)
	check(syscall.Bind(socket, &syscall.SockaddrUnix{Name: in("socket")}))

	d, err := Open(filepath.Join(above, "site"))
	check(err)
	defer d.Close()
	const outside = "leads out of the site's directory"
	for name, want := range map[string]string{
		"hosts": "", "lists/a": "", "within": "", "round": "",
		"absolute": outside, "up": outside, "etc/shadow": outside, "outer": outside,
		"self": "too many levels", "nowhere": "a symbolic link to nothing", "lists": "is a directory",
		"pipe": "is a named pipe", "topipe": "is a named pipe", "socket": "is a socket", "device": "is a device",
		"../secret": "invalid argument", "gone": "no such file",
	} {
		done := make(chan error, 1)
		go func() {
			f, err := d.Open(name)
			if err == nil {
				var text []byte
				text, err = io.ReadAll(f)
				if string(text) != "own" {
					err = errors.Join(err, errors.New("it has "+string(text)))
				}
				f.Close()
			}
			done <- err
		}()
		select {
		case err := <-done:
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
			if errors.Is(err, fs.ErrNotExist) != (name == "gone") {
				t.Errorf("%s counts as absent or not: %v", name, err)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%s is waited for", name)
		}
	}
}

// TestLoadQuotesNoOther: what a link leads to is in no error.
func TestLoadQuotesNoOther(t *testing.T) {
	above := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(above, "site"), 0o700),
		os.WriteFile(filepath.Join(above, "secret"), []byte("root:$6$secret:1::::::\n"), 0o600),
		os.Symlink("../secret", filepath.Join(above, "site/hosts"))); err != nil {
		t.Fatal(err)
	}
	_, err := Load(filepath.Join(above, "site"))
	const want = "hosts: cannot be read: is a symbolic link that leads out of the site's directory; expected a file in it"
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "$6$") {
		t.Errorf("got %v", err)
	}
}

func TestWhole(t *testing.T) {
	name := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(name, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := Whole(name, 5); err != nil || string(text) != "12345" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := Whole(name, 4); err == nil || !strings.Contains(err.Error(), "is too large") {
		t.Errorf("one byte too many: %v", err)
	}
}
