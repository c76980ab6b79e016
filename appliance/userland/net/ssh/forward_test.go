package ssh_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// echo answers each connection with what it says, behind a word.
func echo(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				text, _ := io.ReadAll(c)
				fmt.Fprintf(c, "echo %s", text)
				c.Close()
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// TestForward sends through ports that lead elsewhere, of both programs.
func TestForward(t *testing.T) {
	t.Parallel()
	s := newServers(t)
	ours, theirs := programs(t)
	target := echo(t)
	for who, programs := range map[string]string{"ours": ours, "OpenSSH's": theirs} {
		for _, kind := range []string{"-L PORT:127.0.0.1:TARGET", "-R PORT:127.0.0.1:TARGET", "-D PORT"} {
			t.Run(who+"/"+kind[:2], func(t *testing.T) {
				t.Parallel()
				port := freePort(t)
				s.background(t, programs, "ssh $S -N "+strings.NewReplacer("PORT", fmt.Sprint(port), "TARGET", fmt.Sprint(target)).Replace(kind)+" root@127.0.0.1")
				var out string
				for end := time.Now().Add(patience); out == "" && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
					out = hello(t, port, target, kind[:2] == "-D") // nobody may listen yet
				}
				if out != "echo hello" {
					t.Errorf("%q", out)
				}
			})
		}
	}
}

// hello says it by a port, which may be a proxy, and returns the answer; "": there is none.
func hello(t *testing.T, port, target int, proxy bool) string {
	t.Helper()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return ""
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	says := []string{"hello"}
	if proxy {
		says = []string{"\x05\x01\x00", "\x05\x01\x00\x03\x09localhost" + string([]byte{byte(target >> 8), byte(target)}), "hello"}
	}
	for i, answers := range [][]byte{make([]byte, 2), make([]byte, 10), nil}[3-len(says):] {
		_, err := io.WriteString(c, says[i])
		if err == nil {
			_, err = io.ReadFull(c, answers)
		}
		if err != nil {
			return "" // the server listens, and the client does not know yet
		}
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(c)
	if err != nil {
		return ""
	}
	return string(all)
}

// background runs a line until the end of the test.
func (s *servers) background(t *testing.T, programs, line string) {
	t.Helper()
	dir := t.TempDir()
	s.furnish(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "sh", "-c", s.prelude()+"exec "+line)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	cmd.Env = []string{"PATH=" + programs + ":" + os.Getenv("PATH"), "HOME=" + dir, "USER=root"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // killed
	})
}
