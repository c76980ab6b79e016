package sshadmin

import (
	"errors"
	"slices"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/appliance/sshadmin/sshcfg"
)

// maxAuthTries bounds the attempts of one connection, as sshd does.
const maxAuthTries = 6

// An active is a Config that was checked, with what is made of it. It never changes: a
// new configuration is a new one, and whoever holds the former goes on with that.
type active struct {
	sshcfg.Config
	keys      keyring
	unused    []error // why keys of the Config are not in it
	temporary string  // about the host key, if it is a temporary one
	transport *ssh.Server
}

// activate checks cfg and makes what is needed to serve it. Nothing else is changed.
func (s *Service) activate(cfg sshcfg.Config) (*active, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	keys, bad := parseKeys(cfg.AuthorizedKeys)
	if len(keys) == 0 {
		bad = append(bad, errors.New("ssh: no usable authorized key, so nobody could log in"))
		return nil, errors.Join(bad...)
	}
	a := &active{Config: cfg, keys: keys, unused: bad}
	hostKey, err := readHostKey(cfg.HostKeyFile)
	if err != nil {
		if hostKey, a.temporary, err = s.temporaryKey(err); err != nil {
			return nil, err
		}
	}
	a.transport = s.transport(cfg, hostKey)
	return a, nil
}

// transport returns the SSH server of the library, set up to do the handshake
// and the login, and to leave session channels to this package: its own session
// handler rewrites line ends of a terminal's output, agrees to agent forwarding,
// and cannot pass a signal on.
func (s *Service) transport(cfg sshcfg.Config, hostKey gossh.Signer) *ssh.Server {
	return &ssh.Server{
		Version:                  "Gatehouse",
		HostSigners:              []ssh.Signer{hostKey},
		HandshakeTimeout:         cfg.LoginTimeout,
		ServerConfigCallback:     s.handshake,
		PublicKeyHandler:         s.mayTry,
		ConnectionFailedCallback: s.failed,
		Handler:                  func(ssh.Session) {}, // never reached: no session of the library
		ChannelHandlers: map[string]ssh.ChannelHandler{"session": s.session,
			"direct-tcpip": s.forward},
		RequestHandlers: map[string]ssh.RequestHandler{"tcpip-forward": s.refuseListening,
			"streamlocal-forward@openssh.com": s.refuseListening},
		SubsystemHandlers: map[string]ssh.SubsystemHandler{},
	}
}

// endpoints returns each endpoint once.
func (a *active) endpoints() (all []sshcfg.Endpoint) {
	for _, e := range a.Listen {
		if !slices.Contains(all, e) {
			all = append(all, e)
		}
	}
	return all
}

// openings are the sockets that a wants.
func (s *Service) openings(a *active) (all []links.Opening[*entrance]) {
	for _, e := range a.endpoints() {
		all = append(all, links.Opening[*entrance]{
			Key: e.String(), Name: "ssh " + e.String(), Open: func() (*entrance, error) { return s.open(e) },
		})
	}
	return all
}
