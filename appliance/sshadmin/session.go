package sshadmin

import (
	"crypto/rand"
	"fmt"
	"io"
	"strings"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// Bounds of the environment that a client may set (RFC 4254 section 6.4).
const (
	maxEnv       = 32
	maxEnvLength = 256 // bytes of one variable
)

// session is one session channel (RFC 4254 section 6) up to the start of its
// program. It belongs to the goroutine that reads the requests.
type session struct {
	server *Service
	conn   gossh.ConnMetadata
	ch     gossh.Channel
	open   opener
	id     string // in the environment of all that it starts
	env    []string
	term   *terminal // nil without pty-req
	agent  *agent    // nil unless the client lends its own
	prog   *program  // nil before shell, exec or subsystem
	over   chan struct{}
}

// terminal is what a pty-req asks for.
type terminal struct {
	name string // TERM
	size unix.Winsize
}

// session serves one session channel until it is closed, its program has ended,
// or the server stops. It is the ssh.ChannelHandler for "session".
func (s *Service) session(_ *ssh.Server, conn *gossh.ServerConn, open gossh.NewChannel, ctx ssh.Context) {
	c := clientOf(conn.RemoteAddr())
	if no := s.beginSession(c); no != "" {
		// The connection may be closing; then the refusal reaches nobody.
		_ = open.Reject(gossh.ResourceShortage, no)
		return
	}
	defer s.endSession(c)
	c.keepAlive.Do(func() { go watch(ctx, conn, s.active.Load().KeepAlive) })
	ch, requests, err := open.Accept()
	if err != nil {
		return // the connection has ended
	}
	defer ch.Close()
	sess := &session{server: s, conn: conn, ch: ch, open: conn.OpenChannel, id: rand.Text(),
		over: make(chan struct{})}
	sess.loop(requests)
	go gossh.DiscardRequests(requests) // ends when the channel is closed
	if sess.prog != nil {
		sess.prog.hangUp(sess.over)
		killRemains(sess.id)
	}
	if sess.agent != nil {
		sess.agent.close()
	}
}

// loop answers requests until there is a reason to end the session.
func (sess *session) loop(requests <-chan *gossh.Request) {
	for {
		select {
		case <-sess.server.stop.Done():
			return
		case <-sess.over:
			return
		case req, open := <-requests:
			if !open {
				return
			}
			ok := sess.handle(req)
			if req.WantReply {
				// It fails only when the connection has ended; the loop sees that.
				_ = req.Reply(ok, nil)
			}
			if ok && (req.Type == "shell" || req.Type == "exec" || req.Type == "subsystem") {
				// Output must not overtake the reply.
				go sess.run()
			}
		}
	}
}

// handle carries out one request. X11 forwarding and break are refused like
// what nobody knows.
func (sess *session) handle(req *gossh.Request) bool {
	switch req.Type {
	case "env":
		return sess.setEnv(req.Payload)
	case "pty-req":
		return sess.setTerminal(req.Payload)
	case "shell":
		return sess.start(sess.server.active.Load().Shell)
	case "exec":
		var m struct{ Command string }
		return gossh.Unmarshal(req.Payload, &m) == nil && sess.exec(m.Command)
	case "subsystem":
		var m struct{ Name string }
		return gossh.Unmarshal(req.Payload, &m) == nil && sess.subsystem(m.Name)
	case "auth-agent-req@openssh.com":
		return sess.lendAgent()
	case "window-change":
		var m struct{ Columns, Rows, X, Y uint32 }
		if sess.term == nil || gossh.Unmarshal(req.Payload, &m) != nil {
			return false
		}
		sess.term.size = winsize(m.Columns, m.Rows, m.X, m.Y)
		return sess.prog == nil || sess.prog.resize(sess.term.size)
	case "signal":
		var m struct{ Name string }
		return sess.prog != nil && gossh.Unmarshal(req.Payload, &m) == nil && sess.prog.deliver(m.Name)
	}
	return false
}

// setEnv takes over a variable of the client's locale, as sshd of most
// distributions does; any other could change what root's programs do.
func (sess *session) setEnv(payload []byte) bool {
	var m struct{ Name, Value string }
	if sess.prog != nil || len(sess.env) >= maxEnv || gossh.Unmarshal(payload, &m) != nil {
		return false
	}
	kv := m.Name + "=" + m.Value
	if m.Name != "LANG" && !strings.HasPrefix(m.Name, "LC_") || len(kv) > maxEnvLength ||
		strings.Contains(kv, "\x00") {
		return false
	}
	sess.env = append(sess.env, kv)
	return true
}

// setTerminal takes a pty-req. The encoded terminal modes are not used.
func (sess *session) setTerminal(payload []byte) bool {
	var m struct {
		Term                string
		Columns, Rows, X, Y uint32
		Modes               string
	}
	if sess.prog != nil || sess.term != nil || gossh.Unmarshal(payload, &m) != nil {
		return false
	}
	if len(m.Term) > maxEnvLength || strings.Contains(m.Term, "\x00") {
		return false
	}
	sess.term = &terminal{name: m.Term, size: winsize(m.Columns, m.Rows, m.X, m.Y)}
	return true
}

// winsize is the size of a window of so many characters and pixels.
func winsize(columns, rows, x, y uint32) unix.Winsize {
	clamp := func(n uint32) uint16 { return uint16(min(n, 0xffff)) }
	return unix.Winsize{Row: clamp(rows), Col: clamp(columns), Xpixel: clamp(x), Ypixel: clamp(y)}
}

// exec starts a command in a shell; an empty one is a shell.
func (sess *session) exec(command string) bool {
	shell := sess.server.active.Load().Shell
	if command == "" {
		return sess.start(shell)
	}
	return sess.start(shell, "-c", command)
}

// subsystem starts the one that there is. Its protocol is no text for a terminal.
func (sess *session) subsystem(name string) bool {
	if name != "sftp" || sess.prog != nil {
		return false
	}
	sess.term = nil
	return sess.start(sess.server.active.Load().SFTPServer)
}

// lendAgent makes the socket by which the session's programs reach the client's agent.
func (sess *session) lendAgent() bool {
	if sess.prog != nil || sess.agent != nil || sess.open == nil {
		return false
	}
	var err error
	if sess.agent, err = newAgent(sess.open); err != nil {
		sess.server.log.Error("ssh agent", "source", clientOf(sess.conn.RemoteAddr()).source.String(),
			"cause", err)
		return false
	}
	return true
}

// start starts the program of the session.
func (sess *session) start(argv ...string) bool {
	if sess.prog != nil {
		return false
	}
	prog, err := startProgram(argv, sess.environment(), sess.term)
	if err != nil {
		sess.server.log.Error("ssh session", "source", clientOf(sess.conn.RemoteAddr()).source.String(),
			"cause", err)
		return false
	}
	sess.prog = prog
	return true
}

// run lets the program talk with the client, tells how it ended and closes the
// channel.
func (sess *session) run() {
	defer close(sess.over)
	sess.sayNoListening()
	status := sess.prog.talk(sess.ch)
	// The client may be gone; then there is nobody to tell.
	_ = sess.ch.CloseWrite()
	if name := signalName(status); name != "" {
		m := struct {
			Signal            string
			CoreDumped        bool
			Message, Language string
		}{name, status.CoreDump(), "", ""}
		_, _ = sess.ch.SendRequest("exit-signal", false, gossh.Marshal(m))
	} else {
		m := struct{ Status uint32 }{exitStatus(status)}
		_, _ = sess.ch.SendRequest("exit-status", false, gossh.Marshal(m))
	}
	sess.ch.Close()
}

// sayNoListening says what was refused to the client before it had a session.
func (sess *session) sayNoListening() {
	if !clientOf(sess.conn.RemoteAddr()).wantedPort.Swap(false) {
		return
	}
	end := "\n"
	if sess.term != nil {
		end = "\r\n"
	}
	// The client may be gone; then there is nobody to tell.
	_, _ = io.WriteString(sess.ch.Stderr(), noListening+end)
}

// environment returns the variables of the session; later ones win.
func (sess *session) environment() []string {
	client, conf := clientOf(sess.conn.RemoteAddr()), sess.server.active.Load()
	c, local := client.source, addrPort(sess.conn.LocalAddr())
	env := []string{
		"PATH=/bin:/sbin:/usr/bin:/usr/sbin", "HOME=/root", "USER=root", "LOGNAME=root",
		"SHELL=" + conf.Shell,
		fmt.Sprintf("SSH_CLIENT=%v %d %d", c.Addr(), c.Port(), local.Port()),
		fmt.Sprintf("SSH_CONNECTION=%v %d %v %d", c.Addr(), c.Port(), local.Addr(), local.Port()),
	}
	if sess.term != nil {
		env = append(env, "TERM="+sess.term.name)
	}
	if sess.agent != nil {
		env = append(env, "SSH_AUTH_SOCK="+sess.agent.path())
	}
	env = append(env, sess.env...)
	env = append(env, conf.Env...)
	return append(env, // for commands that ask who this is, and must be able to believe it
		sessionVariable+sess.id, "GATEHOUSE_KEY="+client.openedBy(),
		fmt.Sprintf("GATEHOUSE_CONNECTED=%d", client.since.Nanoseconds()))
}
