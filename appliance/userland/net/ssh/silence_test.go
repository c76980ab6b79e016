package ssh_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestSilence: a server that says nothing, or nothing any more, is given up in time.
func TestSilence(t *testing.T) {
	t.Parallel()
	s := newServers(t)
	ours, theirs := programs(t)
	for who, programs := range map[string]string{"ours": ours, "OpenSSH's": theirs} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			out := s.run(t, programs, fmt.Sprintf("ssh -o BatchMode=yes -o ConnectTimeout=1 -p %d 127.0.0.1 true 2>&1", l.Addr().(*net.TCPAddr).Port))
			if !strings.Contains(strings.ToLower(out), "connection timed out during banner exchange") || !strings.Contains(out, "exit status 255") {
				t.Error(out)
			}
			began := time.Now()
			begun := filepath.Join(t.TempDir(), "begun")
			out = s.run(t, programs, fmt.Sprintf("sed -i s/$P/%[1]d/ known; "+
				"ssh -p %[1]d -i id -o LogLevel=INFO $B -o ServerAliveInterval=1 -o ServerAliveCountMax=1 root@127.0.0.1 'touch %[2]s; sleep 40' 2>&1",
				s.falling(t, begun), begun))
			if !strings.Contains(strings.ToLower(out), "timeout, server 127.0.0.1 not responding") || !strings.Contains(out, "exit status 255") {
				t.Errorf("after %v: %s", time.Since(began), out)
			}
		})
	}
}

// falling is a port that leads to sshd, until there is a file.
func (s *servers) falling(t *testing.T, file string) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		here, err := l.Accept()
		if err != nil {
			return
		}
		there, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.sshd))
		if err != nil {
			here.Close()
			return
		}
		var fallen atomic.Bool
		for _, pair := range [][2]net.Conn{{here, there}, {there, here}} {
			go func() {
				_, _ = io.Copy(gate{pair[0], &fallen}, pair[1])
			}()
		}
		for t.Context().Err() == nil && !fallen.Load() {
			_, err := os.Stat(file)
			fallen.Store(err == nil)
			time.Sleep(10 * time.Millisecond)
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// A gate swallows what comes when it has fallen.
type gate struct {
	io.Writer
	fallen *atomic.Bool
}

// Write implements io.Writer.
func (g gate) Write(p []byte) (int, error) {
	if g.fallen.Load() {
		return len(p), nil
	}
	return g.Writer.Write(p)
}
