package sshadmin

import (
	"log/slog"
	"net"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/appliance/sshadmin/sshcfg"
)

// ends is a connection whose ends are known, and nothing else.
type ends struct{ gossh.ConnMetadata }

func (ends) RemoteAddr() net.Addr {
	return clientAddr{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 40000}, new(client)}
}
func (ends) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 22} }

// FuzzRequests sends requests of any type and contents on a session channel, after login (RFC 4254 section
// 6): what is taken over of them stays within its bounds, and no program starts for it, since there is no
// shell. Each request is a byte for its type, one for its length, and that.
func FuzzRequests(f *testing.F) {
	kinds := []string{"env", "pty-req", "window-change", "signal", "exec", "shell", "subsystem", "x11-req", "auth-agent-req@openssh.com", "break"}
	request := func(kind byte, m any) []byte {
		b := gossh.Marshal(m)
		return append([]byte{kind, byte(len(b))}, b...)
	}
	env := request(0, struct{ Name, Value string }{"LC_ALL", "C.UTF-8"})
	pty := request(1, struct {
		Term       string
		A, B, C, D uint32
		Modes      string
	}{"xterm", 80, 24, 0, 0, "\x00"})
	f.Add(append(env, pty...))
	f.Add(append(pty, request(2, struct{ A, B, C, D uint32 }{1 << 31, 70000, 1, 1})...))
	f.Add(append(request(4, struct{ C string }{"ls\x00"}), request(3, struct{ S string }{"KILL"})...))
	f.Add([]byte{0, 8, 255, 255, 255, 255, 0, 0, 0, 1})
	s := &Service{log: slog.New(slog.DiscardHandler)}
	s.active.Store(&active{Config: sshcfg.Config{Shell: "/nonexistent/shell"}})
	f.Fuzz(func(t *testing.T, b []byte) {
		sess := &session{server: s, conn: ends{}, over: make(chan struct{})}
		for len(b) >= 2 {
			n := min(int(b[1]), len(b)-2)
			sess.handle(&gossh.Request{Type: kinds[int(b[0])%len(kinds)], Payload: b[2 : 2+n]})
			b = b[2+n:]
		}
		if sess.prog != nil || len(sess.env) > maxEnv {
			t.Fatalf("a program: %v, %d variables", sess.prog, len(sess.env))
		}
		if sess.term != nil && (len(sess.term.name) > maxEnvLength || strings.Contains(sess.term.name, "\x00")) {
			t.Errorf("the terminal is called %q", sess.term.name)
		}
		for _, kv := range sess.env {
			name, _, _ := strings.Cut(kv, "=")
			if name != "LANG" && !strings.HasPrefix(name, "LC_") || len(kv) > maxEnvLength || strings.Contains(kv, "\x00") {
				t.Errorf("the environment has %q", kv)
			}
		}
	})
}
