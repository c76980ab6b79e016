package sshadmin_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/appliance/sshadmin/sshcfg"
)

// problems asks the server as the gatehouse command does.
func (d *daemon) problems(t *testing.T) (all []string) {
	t.Helper()
	err := d.s.Methods()["problems"](t.Context(), nil, func(result any) error {
		b, err := json.Marshal(result)
		if err != nil {
			return err
		}
		return json.Unmarshal(b, &all)
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// talk starts a session that repeats what it is told.
func talk(t *testing.T, c *gossh.Client) (say func() string) {
	t.Helper()
	sess, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	in, errIn := sess.StdinPipe()
	out, errOut := sess.StdoutPipe()
	if errIn != nil || errOut != nil {
		t.Fatal(errIn, errOut)
	}
	if err := sess.Start("exec cat"); err != nil {
		t.Fatal(err)
	}
	lines, n := bufio.NewReader(out), 0
	return func() string {
		t.Helper()
		n++
		if _, err := io.WriteString(in, fmt.Sprintf("line %d\n", n)); err != nil {
			t.Fatal(err)
		}
		line, err := lines.ReadString('\n')
		if err != nil || line != fmt.Sprintf("line %d\n", n) {
			t.Errorf("the session says %q, %v", line, err)
		}
		return line
	}
}

// TestReconfigure: keys and endpoints change, and whoever is in stays in.
func TestReconfigure(t *testing.T) {
	t.Parallel()
	d := start(t, nil)
	second := newKey(t, t.TempDir(), "ed25519")
	client := d.dial(t)
	say := talk(t, client)
	say()
	half := d.connect(t) // has not logged in yet
	if line, err := bufio.NewReader(half).ReadString('\n'); err != nil {
		t.Fatal(line, err)
	}

	next := d.cfg
	next.AuthorizedKeys = []string{readFile(t, second+".pub"), "not a key"}
	next.Env = []string{"EDITOR=ed"}
	if err := d.s.Reconfigure(next); err != nil {
		t.Fatal(err)
	}
	say()
	if got := run(t, d.ssh(t, nil, "echo in"), nil); got.status != 255 {
		t.Errorf("the key that was taken out: %+v", got)
	}
	first := d.key
	d.key = second
	if got := run(t, d.ssh(t, nil, "echo $EDITOR"), nil); got.stdout != "ed\n" {
		t.Errorf("the new key: %+v", got)
	}
	if _, err := half.Write([]byte("SSH-2.0-slow\r\n")); err != nil {
		t.Error(err)
	}
	if got := d.problems(t); len(got) != 1 || !strings.HasPrefix(got[0], "The authorized key 2 is not used: expected a line like ") {
		t.Errorf("problems %q", got)
	}
	sess, err := client.NewSession() // of the key that is out; its connection stays
	if err != nil {
		t.Fatal(err)
	}
	if out, err := sess.Output("echo $EDITOR"); err != nil || string(out) != "ed\n" {
		t.Errorf("a new session of an old connection: %q, %v", out, err)
	}

	elsewhere := next
	elsewhere.Listen = []sshcfg.Endpoint{{Address: netip.MustParseAddrPort("127.0.0.2:0")}}
	elsewhere.AuthorizedKeys = []string{readFile(t, first+".pub")}
	if err := d.s.Reconfigure(elsewhere); err != nil {
		t.Fatal(err)
	}
	say()
	if got := run(t, d.ssh(t, nil, "echo in"), nil); !strings.Contains(got.stderr, "Connection refused") {
		t.Errorf("at the endpoint that was taken out: %+v", got)
	}
	at := strings.LastIndex(d.log.String(), "address=127.0.0.2:")
	port, _, _ := strings.Cut(d.log.String()[at+len("address="):], " ")
	d.addr, d.key = netip.MustParseAddrPort(port), first
	writeKnownHosts(t, d.known, d.addr, d.cfg.HostKeyFile)
	if got := run(t, d.ssh(t, nil, "echo in"), nil); got.stdout != "in\n" {
		t.Errorf("at the new endpoint: %+v", got)
	}
	say()
}

// TestReconfigureRefuses: with an error all is as before.
func TestReconfigureRefuses(t *testing.T) {
	t.Parallel()
	d := start(t, nil)
	other := start(t, nil)
	say := talk(t, d.dial(t))
	for _, tt := range []struct {
		change func(*sshcfg.Config)
		want   string
	}{
		{func(c *sshcfg.Config) { c.AuthorizedKeys = []string{"nonsense"} }, "no usable authorized key"},
		{func(c *sshcfg.Config) { c.Listen = nil }, "no address to listen on"},
		{func(c *sshcfg.Config) {
			c.Listen = append(slices.Clone(c.Listen), sshcfg.Endpoint{Address: other.addr})
			c.AuthorizedKeys = []string{readFile(t, newKey(t, t.TempDir(), "ed25519")+".pub")}
		}, "address already in use"},
	} {
		cfg := d.cfg
		tt.change(&cfg)
		if err := d.s.Reconfigure(cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Reconfigure: %v, want: %s", err, tt.want)
		}
		say()
		if got := run(t, d.ssh(t, nil, "echo in"), nil); got.stdout != "in\n" {
			t.Errorf("after %s: %+v", tt.want, got)
		}
		if got := d.problems(t); len(got) > 0 {
			t.Errorf("after %s: problems %q", tt.want, got)
		}
	}
}

// TestWho: a session knows by what key and when it came, whatever a client says.
func TestWho(t *testing.T) {
	t.Parallel()
	d := start(t, func(c *sshcfg.Config) { c.Env = []string{"GATEHOUSE_KEY=configured"} })
	ask := func() string {
		t.Helper()
		got := run(t, d.ssh(t, []string{"-o", "SetEnv=GATEHOUSE_KEY=forged GATEHOUSE_CONNECTED=1 LC_X=y"}, "echo $GATEHOUSE_KEY, $GATEHOUSE_CONNECTED"), nil)
		return got.stdout
	}
	if got, want := ask(), fmt.Sprintf("someone@example, %d\n", uptime.Nanoseconds()); got != want {
		t.Errorf("the session says %q, want %q", got, want)
	}
	kind := strings.Fields(d.cfg.AuthorizedKeys[0])[:2]
	for _, tt := range []struct{ comment, want string }{
		{" \x1b[31mred\x1b[0m \u202eevil", "?[31mred?[0m ?evil"},
		{"", fingerprint(t, d.key)},
		{" " + strings.Repeat("é", 100), strings.Repeat("é", 64)},
	} {
		cfg := d.cfg
		cfg.AuthorizedKeys = []string{strings.Join(kind, " ") + tt.comment}
		if err := d.s.Reconfigure(cfg); err != nil {
			t.Fatal(err)
		}
		if got := ask(); got != fmt.Sprintf("%s, %d\n", tt.want, uptime.Nanoseconds()) {
			t.Errorf("with the comment %q: %q", tt.comment, got)
		}
	}
}
