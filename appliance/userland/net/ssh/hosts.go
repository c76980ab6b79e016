package ssh

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/client"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/key"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/known"
	"github.com/gatehouse-os/gatehouse/appliance/userland/transfer/upload"
)

// knownHosts reads the file of -f, or of the person.
func knownHosts(c *command.Call) (name string, lines []known.Line, err error) {
	name, given := c.Value('f')
	if !given {
		name = client.Path("~/.ssh/known_hosts")
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return name, nil, command.Named(name, err)
	}
	return name, known.Parse(text), nil
}

// eachKey shows the keys of a file with one in each line: public keys, or known hosts, whose comment is then
// the host.
func eachKey(text []byte, show func(ssh.PublicKey, string)) (count int) {
	for _, l := range known.Parse(text) {
		k, comment := l.Key, l.Hosts
		if k == nil {
			k, comment, _, _, _ = ssh.ParseAuthorizedKey([]byte(l.Text)) // nil: it is none
		}
		if k != nil {
			show(k, comment)
			count++
		}
	}
	return count
}

// findHost is -F.
func findHost(c *command.Call) error {
	host, _ := c.Value('F')
	_, lines, err := knownHosts(c)
	if err != nil {
		return err
	}
	found := false
	for _, l := range lines {
		if !l.Is(strings.ToLower(host)) {
			continue
		}
		found = true
		text := l.Text
		switch {
		case c.Has('l'):
			fmt.Fprintf(c.Stdout, "# Host %s found: line %d %s\n%s %s %s\n", host, l.Number, marked(l), host,
				key.Kind(l.Key), key.Fingerprint(l.Key, md5(c)))
			continue
		case c.Has('H'):
			text = known.Entry(known.Hash(strings.ToLower(host)), l.Key)
		}
		fmt.Fprintf(c.Stdout, "# Host %s found: line %d %s\n%s\n", host, l.Number, marked(l), text)
	}
	if !found {
		c.Exit(1)
	}
	return nil
}

// marked is what a line is marked as, in words of scripts.
func marked(l known.Line) string {
	switch l.Marker {
	case known.Authority:
		return "CA"
	case known.Revoked:
		return "REVOKED"
	}
	return ""
}

// removeHost is -R.
func removeHost(c *command.Call) error {
	host, _ := c.Value('R')
	name, lines, err := knownHosts(c)
	if err != nil {
		return err
	}
	var stay []string
	for _, l := range lines {
		if l.Is(strings.ToLower(host)) && l.Marker == "" {
			fmt.Fprintf(c.Stdout, "# Host %s found: line %d\n", host, l.Number)
			continue
		}
		stay = append(stay, l.Text)
	}
	if len(stay) == len(lines) {
		c.Warn(fmt.Errorf("host %s not found in %s", host, name))
		return nil
	}
	return rewrite(c, name, stay)
}

// hashHosts is -H. Names that are patterns stay.
func hashHosts(c *command.Call) error {
	name, lines, err := knownHosts(c)
	if err != nil {
		return err
	}
	var all []string
	hashed := false
	for _, l := range lines {
		if !l.Plain() {
			all = append(all, l.Text)
			continue
		}
		hashed = true
		for host := range strings.SplitSeq(strings.ToLower(l.Hosts), ",") {
			all = append(all, known.Entry(known.Hash(host), l.Key))
		}
	}
	if !hashed {
		return nil
	}
	if err := rewrite(c, name, all); err != nil {
		return err
	}
	fmt.Fprintf(c.Stderr, "WARNING: %s.old contains unhashed entries\nDelete this file to ensure privacy of hostnames\n", name)
	return nil
}

// rewrite replaces the file; what was there is kept beside it.
func rewrite(c *command.Call, name string, lines []string) error {
	_ = os.Remove(name + ".old") // Link says if it is still there
	if err := os.Link(name, name+".old"); err != nil {
		return command.Named(name+".old", err)
	}
	text := strings.Join(lines, "\n")
	if text != "" {
		text += "\n"
	}
	f, err := upload.Create(name, 0o600)
	if err == nil {
		_, _ = f.Write([]byte(text)) // Commit says it too
		err = f.Commit()
	}
	if err != nil {
		return command.Named(name, err)
	}
	fmt.Fprintf(c.Stdout, "%s updated.\nOriginal contents retained as %[1]s.old\n", name)
	return nil
}
