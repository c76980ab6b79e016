package client

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/ask"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/key"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/known"
)

// A sentence is an error in the words of OpenSSH, which people know, and scripts look for.
type sentence string

// Error implements error.
func (s sentence) Error() string { return string(s) }

// errUnverified ends a connection.
const errUnverified = sentence("Host key verification failed.")

// entry is a line of a file.
type entry struct {
	known.Line
	file string
}

// name is how the files call the host.
func (c *connection) name() string {
	if c.Alias != "" {
		return strings.ToLower(c.Alias)
	}
	return known.Name(c.to.Host, c.to.Port)
}

// bare is the host without its port, by which a key is believed too that is not known with it, as OpenSSH has
// it; "": that is its name already.
func (c *connection) bare() string {
	if c.Alias != "" || c.to.Port == 22 {
		return ""
	}
	return known.Name(c.to.Host, 22)
}

// entries are all lines of the files.
func (c *connection) entries() (all []entry) {
	for _, file := range slices.Concat(c.KnownHosts, c.GlobalKnown) {
		file = Path(file)
		text, err := os.ReadFile(file)
		if err != nil {
			if !key.Missing(err) {
				c.Say(Normal, "%v", err)
			}
			continue
		}
		for _, l := range known.Parse(text) {
			all = append(all, entry{l, file})
		}
	}
	return all
}

// preferred has first the algorithms of keys of the host that are known: it would else show another, which
// looks as if it were new. Of the others RSA comes last.
func (c *connection) preferred(algorithms []string) []string {
	var first, rest []string
	slices.SortStableFunc(algorithms, func(a, b string) int { return rank(a) - rank(b) })
	entries, name := c.entries(), c.name()
	for _, a := range algorithms {
		format := strings.Replace(a, "rsa-sha2-256", ssh.KeyAlgoRSA, 1)
		format = strings.Replace(format, "rsa-sha2-512", ssh.KeyAlgoRSA, 1)
		isKnown := slices.ContainsFunc(entries, func(e entry) bool {
			certifies := e.Marker == known.Authority && strings.Contains(a, "-cert-")
			return e.Is(name) && (certifies || e.Marker == "" && e.Key.Type() == format)
		})
		if isKnown {
			first = append(first, a)
		} else {
			rest = append(rest, a)
		}
	}
	return append(first, rest...)
}

func rank(algorithm string) int {
	return slices.IndexFunc([]string{"-cert-", "ed25519", "ecdsa", ""}, func(s string) bool {
		return strings.Contains(algorithm, s)
	})
}

// believe is called with the key that the host has proven to have.
func (c *connection) believe(address string, remote net.Addr, k ssh.PublicKey) error {
	c.auth.begin() // a person may take his time
	c.auth.begun = true
	c.Say(Verbose, "Server host key: %s %s", k.Type(), ssh.FingerprintSHA256(k))
	entries, name := c.entries(), c.name()
	checker := ssh.CertChecker{
		IsHostAuthority: func(authority ssh.PublicKey, _ string) bool {
			return slices.ContainsFunc(entries, func(e entry) bool {
				return e.Marker == known.Authority && e.Same(authority) && (e.Is(name) || e.Is(c.bare()))
			})
		},
		IsRevoked: func(cert *ssh.Certificate) bool {
			return revoked(entries, cert.Key) || revoked(entries, cert.SignatureKey)
		},
		HostKeyFallback: func(string, net.Addr, ssh.PublicKey) error {
			return c.plain(entries, name, remote, k)
		},
	}
	err := checker.CheckHostKey(address, remote, k)
	if err != nil && c.refused == nil {
		c.refused = fmt.Errorf("%w: %v", errUnverified, err)
	}
	return err
}

func revoked(entries []entry, k ssh.PublicKey) bool {
	return slices.ContainsFunc(entries, func(e entry) bool { return e.Marker == known.Revoked && e.Same(k) })
}

// plain decides on a key that is no certificate.
func (c *connection) plain(entries []entry, name string, remote net.Addr, k ssh.PublicKey) error {
	c.refused = errUnverified // unless it comes to an end below
	if revoked(entries, k) {
		c.Say(Errors, "WARNING: REVOKED HOST KEY DETECTED! The %s key of %s is marked as revoked.",
			key.Kind(k), name)
		return errUnverified
	}
	var another *entry
	others := false
	for _, e := range entries {
		switch {
		case e.Marker != "" || !e.Is(name):
		case e.Same(k):
			c.refused = nil
			return nil
		case e.Key.Type() == k.Type() && another == nil:
			another = &e
		default:
			others = true
		}
	}
	if another != nil {
		c.changed(another, name, k)
		return errUnverified
	}
	withoutPort := slices.ContainsFunc(entries, func(e entry) bool {
		return e.Marker == "" && e.Same(k) && e.Is(c.bare())
	})
	if withoutPort {
		c.Say(Verbose, "The key is known for %s without a port.", c.bare())
		c.refused = nil
		return nil
	}
	if err := c.unknown(name, remote, k, others); err != nil {
		return err
	}
	c.refused = nil
	return nil
}

const frame = "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@"

// changed warns of a key that is not the one that is known. The first line is OpenSSH's, which people know,
// and programs.
func (c *connection) changed(was *entry, name string, k ssh.PublicKey) {
	c.Say(Errors, `%s
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
%[1]s
Somebody may be between you and %[2]s, and listen. Or it has a new key.
The %[3]s key that it shows has the fingerprint
  %[4]s
The one that is known has
  %[5]s
and is in %[6]s:%[7]d.
If the new one is right, this forgets the old one:
  ssh-keygen -f "%[6]s" -R "%[2]s"`,
		frame, name, key.Kind(k), ssh.FingerprintSHA256(k), ssh.FingerprintSHA256(was.Key), was.file,
		was.Number)
}

// unknown has a person, or an option, decide on a key that nobody has seen.
func (c *connection) unknown(name string, remote net.Addr, k ssh.PublicKey, others bool) error {
	switch {
	case c.Check == CheckAccept:
	case c.Check == CheckStrict || c.Batch:
		c.Say(Errors, "No %s host key is known for %s, and it is not to be asked for one.", key.Kind(k), name)
		return errUnverified
	default:
		if err := c.askAbout(name, remote, k, others); err != nil {
			return err
		}
	}
	return c.remember(name, k)
}

func (c *connection) askAbout(name string, remote net.Addr, k ssh.PublicKey, others bool) error {
	also := ""
	if others {
		also = ",\nbut keys of other kinds are known for this host"
	}
	fingerprint := ssh.FingerprintSHA256(k)
	prompt := fmt.Sprintf("The authenticity of host '%s (%s)' can't be established%s.\n%s key fingerprint is\n  %s.\n"+
		"Are you sure you want to continue connecting (yes/no/[fingerprint])? ", name, withoutPort(remote),
		also, key.Kind(k), fingerprint)
	for {
		answer, err := ask.Line(c.ctx, prompt)
		switch answer = strings.TrimSpace(answer); {
		case err != nil:
			if errors.Is(err, ask.ErrNobody) {
				c.Say(Errors, "The %s key of %s, %s, is not known, and %v.", key.Kind(k), name, fingerprint,
					err)
			}
			return errUnverified
		case strings.EqualFold(answer, "yes") || answer == fingerprint:
			return nil
		case strings.EqualFold(answer, "no"):
			return errUnverified
		}
		prompt = "Please type 'yes', 'no' or the fingerprint: "
	}
}

// remember adds a line to the first file. That it cannot be written hinders nobody.
func (c *connection) remember(name string, k ssh.PublicKey) error {
	if len(c.KnownHosts) == 0 {
		return nil
	}
	file := Path(c.KnownHosts[0])
	shown := name
	if c.Hash {
		name = known.Hash(name)
	}
	if err := appendLine(file, known.Entry(name, k)); err != nil {
		c.Say(Errors, "Failed to add the host to the list of known hosts (%s): %v", file, reason(err))
		return nil
	}
	c.Say(Normal, "Warning: Permanently added '%s' (%s) to the list of known hosts.", shown, key.Kind(k))
	return nil
}

// appendLine adds one to a file, in one write, and returns when it is on the disk.
func appendLine(file, line string) error {
	if err := Directory(file); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	last := []byte{'\n'}
	if err == nil && info.Mode().IsRegular() && info.Size() > 0 {
		_, err = f.ReadAt(last, info.Size()-1)
	}
	if last[0] != '\n' {
		line = "\n" + line // whoever wrote it forgot the end
	}
	if err == nil {
		_, err = f.WriteString(line + "\n")
	}
	if syncErr := f.Sync(); err == nil && !errors.Is(syncErr, unix.EINVAL) { // /dev/null has no disk
		err = syncErr
	}
	return errors.Join(err, f.Close())
}

func withoutPort(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return host
}

// reason is an error without the name of its file.
func reason(err error) error {
	var number unix.Errno
	if errors.As(err, &number) {
		return number
	}
	return err
}
