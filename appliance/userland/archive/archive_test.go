package archive

import (
	"bufio"
	"bytes"
	"io"
	"os/exec"
	"path"
	"strings"
	"testing"
	"time"
)

func TestSafeName(t *testing.T) {
	for name, want := range map[string]string{
		"a": "a", "a/b": "a/b", "a/": "a/", "./a": "./a", "..a": "..a", "a/..b": "a/..b", "a..": "a..", "": "", "/": "", "//a": "a",
		"/etc/passwd": "etc/passwd", "../a": "a", "../../a": "a", "/../a": "a", "a/../b": "b", "a/../../b": "b", "..": "",
		"a/..": "", "../..": "", "../": "", "a/../": "", "/./../a": "a", "...//../a": "a", "..//a": "a",
	} {
		if got := safeName(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}

// FuzzSafeName: whatever a name is, it stays within the directory.
func FuzzSafeName(f *testing.F) {
	for _, name := range []string{"../a", "a/../b", "/..//../x", "./../..", "..//.."} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		to := path.Join("/in/the/directory", safeName(name))
		if to != "/in/the/directory" && !strings.HasPrefix(to, "/in/the/directory/") {
			t.Errorf("%q becomes %q, which is %q", name, safeName(name), to)
		}
	})
}

func TestModeText(t *testing.T) {
	for mode, want := range map[uint32]string{
		0o100644: "-rw-r--r--", 0o041777: "drwxrwxrwt", 0o104755: "-rwsr-xr-x", 0o106600: "-rwS--S---", 0o120777: "lrwxrwxrwx",
		0o020600: "crw-------", 0o060600: "brw-------", 0o010644: "prw-r--r--", 0o140755: "srwxr-xr-x", 0o101000: "---------T",
		0o000644: "?rw-r--r--",
	} {
		if got := modeText(mode); got != want {
			t.Errorf("%o is %s, want %s", mode, got, want)
		}
	}
}

// xzOf packs with a window.
func xzOf(t *testing.T, text []byte, window string) *bufio.Reader {
	t.Helper()
	cmd := exec.Command("xz", "-c", "--lzma2=preset=1,dict="+window)
	cmd.Stdin = bytes.NewReader(text)
	packed, err := cmd.Output()
	if err != nil {
		t.Fatalf("xz (of xz-utils): %v", err)
	}
	return bufio.NewReaderSize(bytes.NewReader(packed), 4096)
}

// TestWindow: a stream may ask for more than there is memory for, but not use it.
func TestWindow(t *testing.T) {
	const least = leastWindow
	small, large := make([]byte, 1<<20), make([]byte, least+1<<20)
	for _, tt := range []struct {
		name   string
		text   []byte
		window string
		want   string // in the error; "": none
	}{
		{"little in a small window", small, "4MiB", ""},
		{"much in a small window", large, "8MiB", ""},
		{"little in a large window", small, "64MiB", ""},
		{"much in a large window", large, "64MiB", "more than the 8 MB of memory"},
		{"little in a window that is too large", small, "128MiB", "more memory than there is"},
	} {
		r, err := unxz(xzOf(t, tt.text, tt.window), least)
		var got []byte
		if err == nil {
			got, err = io.ReadAll(r)
		}
		switch {
		case tt.want == "" && (err != nil || !bytes.Equal(got, tt.text)):
			t.Errorf("%s: %d bytes, %v", tt.name, len(got), err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if n := window(); n < leastWindow || n > largestWindow {
		t.Errorf("the window is %d bytes", n)
	}
}

// FuzzNewc: what is read of a header is what was written, and of other bytes nothing is read beyond its
// bounds.
func FuzzNewc(f *testing.F) {
	f.Add((&newc{mode: 0o100644, size: 3, name: "a"}).appendTo(nil))
	f.Add((&newc{name: trailer}).appendTo(nil))
	f.Add([]byte("070701" + strings.Repeat("FFFFFFFF", 13)))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &newcReader{r: bufio.NewReader(bytes.NewReader(data))}
		n, err := r.next()
		if err != nil {
			return
		}
		if len(n.name) >= newcName || strings.Contains(n.name, "\x00") {
			t.Errorf("a name of %d bytes: %q", len(n.name), n.name)
		}
		again, err := (&newcReader{r: bufio.NewReader(bytes.NewReader(n.appendTo(nil)))}).next()
		if err != nil || *again != *n {
			t.Errorf("%+v becomes %+v: %v", n, again, err)
		}
		content := r.content(n)
		text, err := io.ReadAll(content)
		if err == nil {
			err = r.end(n, content)
		}
		if err == nil && len(text) != int(n.size) {
			t.Errorf("%d bytes of %d, and no error", len(text), n.size)
		}
	})
}

// FuzzGlob: patterns end, however many stars they have, and a text that is quoted matches itself.
func FuzzGlob(f *testing.F) {
	f.Add("*a*a*a*a*a*a*b", strings.Repeat("a", 100))
	f.Add("[!a-c]?\\*[]x]", "dx*]")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if one := (globs{pattern}); glob(pattern, name) && name != "" && (!one.below(name) || !one.match(name)) {
			t.Errorf("%q matches %q, but not as a pattern of tar", pattern, name)
		}
		quoted := ""
		for _, b := range []byte(name) {
			quoted += "\\" + string([]byte{b})
		}
		if !glob(quoted, name) || !glob("*", name) {
			t.Errorf("%q does not match %q", quoted, name)
		}
	})
}

// TestTerminal: a name is shown as it is, but on a terminal.
func TestTerminal(t *testing.T) {
	e := &entry{name: "e\x1b[31mvil", mode: 0o120777, link: "\r", user: "\a", group: "g", when: time.Date(1970, 1, 1, 0, 0, 0, 0, time.Local)}
	for terminal, want := range map[bool]string{
		false: "lrwxrwxrwx \a/g         0 1970-01-01 00:00:00 e\x1b[31mvil -> \r\n",
		true:  "lrwxrwxrwx \\x07/g         0 1970-01-01 00:00:00 e\\x1b[31mvil -> \\x0d\n",
	} {
		var out bytes.Buffer
		l := lister{&out, terminal}
		l.long(e)
		if out.String() != want {
			t.Errorf("%q, want %q", &out, want)
		}
	}
}
