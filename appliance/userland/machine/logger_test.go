package machine_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestLogger: what reaches the socket of the log is what busybox sends there, but for line ends.
func TestLogger(t *testing.T) {
	dir, err := os.MkdirTemp("", "log")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: filepath.Join(dir, "log")})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal("busybox is missing: apt-get install busybox")
	}
	// sent has in the place of /dev the directory with the socket, in a name space of its own.
	sent := func(program, stdin string, args ...string) string {
		script := `mount --make-rprivate / && mount --bind "$1" /dev && shift && exec -a logger "$@"`
		cmd := exec.CommandContext(t.Context(), "unshare", append([]string{"-m", "bash", "-c", script, "sh", dir, program}, args...)...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %q (needs root): %v\n%s", program, args, err, out)
		}
		var all strings.Builder
		all.Write(out)
		raw, err := socket.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 64<<10)
		err = raw.Control(func(fd uintptr) { // which does not wait: all is there when the command has ended
			for n, err := syscall.Read(int(fd), buffer); err == nil; n, err = syscall.Read(int(fd), buffer) {
				all.WriteString("\n" + strings.TrimSuffix(string(buffer[:n]), "\n"))
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		stamp := regexp.MustCompile(`>[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d `)
		return stamp.ReplaceAllString(all.String(), ">(time) ")
	}
	for _, tt := range []struct {
		args  []string
		stdin string
	}{
		{[]string{"text"}, ""},
		{[]string{"several", "words  with ", "blanks"}, ""},
		{[]string{""}, ""},
		{[]string{"-t", "tag", "text"}, ""},
		{[]string{"-t", "tag[12]", "-s", "text"}, ""},
		{[]string{"-p", "err", "text"}, ""},
		{[]string{"-p", "daemon.warn", "text"}, ""},
		{[]string{"-p", "Local7.DEBUG", "text"}, ""},
		{[]string{"-p", "authpriv.panic", "text"}, ""},
		{[]string{"-p", "security.error", "text"}, ""},
		{[]string{"-p", "3", "text"}, ""},
		{[]string{"-p", "kern.crit", "text"}, ""},
		{nil, "one\ntwo\n\nthree"},
		{[]string{"-s"}, "one\ntwo\n"},
		{nil, ""},
	} {
		if got, want := sent(own, tt.stdin, tt.args...), sent(busybox, tt.stdin, tt.args...); got != want || got == "" && tt.stdin != "" {
			t.Errorf("logger %q < %q:\n%s\nbusybox's:\n%s", tt.args, tt.stdin, got, want)
		}
	}
}
