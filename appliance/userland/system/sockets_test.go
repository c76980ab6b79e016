package system_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSockets holds what lsof says of the sockets of this process against lsof(8).
func TestSockets(t *testing.T) {
	dir := t.TempDir()
	var open []io.Closer
	keep := func(c io.Closer, err error) io.Closer {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		return c
	}
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	four := keep(net.Listen("tcp4", "127.0.0.1:0")).(net.Listener)
	six := keep(net.Listen("tcp6", "[::1]:0")).(net.Listener)
	keep(net.Listen("tcp", ":0"))
	keep(net.Dial("tcp", six.Addr().String()))
	both := keep(net.Dial("tcp", four.Addr().String())).(net.Conn)
	keep(four.Accept())
	keep(net.ListenPacket("udp4", "127.0.0.1:0"))
	keep(net.ListenPacket("udp", ":0"))
	keep(net.Dial("udp6", "[::1]:9"))
	keep(net.Listen("unix", filepath.Join(dir, "stream")))
	keep(net.Dial("unix", filepath.Join(dir, "stream")))
	keep(net.ListenPacket("unixgram", filepath.Join(dir, "datagram")))

	ours := filepath.Join(dir, "lsof")
	own, err := os.Executable()
	if err == nil {
		err = os.Symlink(own, ours)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(both.RemoteAddr().String())
	pid := fmt.Sprint(os.Getpid())
	for _, args := range []string{
		"-nP -a -i -p " + pid, "-nP -a -U -p " + pid, "-nP -a -iTCP -sTCP:LISTEN -p " + pid, "-nP -a -i4 -p " + pid, "-nP -a -i6UDP -p " + pid,
		"-nP -a -i :" + port + " -p " + pid, "-t -i tcp:" + port, "-nP -a -iTCP -sTCP:ESTABLISHED -p " + pid, "-t " + dir + "/stream",
	} {
		rows := func(program string) []string {
			t.Helper()
			out, err := exec.Command(program, strings.Fields(args)...).Output()
			if err != nil {
				t.Errorf("%s %s: %v", program, args, err)
			}
			lines := strings.Split(string(out), "\n")
			for i, l := range lines {
				lines[i] = strings.TrimRight(l, " ")
			}
			return lines
		}
		got, want := rows(ours), rows("/usr/bin/lsof")
		if !slices.Equal(got, want) {
			t.Errorf("lsof %s:\n%s\nwant\n%s", args, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
