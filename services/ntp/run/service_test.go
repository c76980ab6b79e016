package run

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/ntp"
)

// ntpdig asks the service for the time, and returns what it says; it fails after a second without an answer.
func (l *lab) ntpdig(server string) (string, error) {
	l.t.Helper()
	cmd := peer(l.t, "ntpsec-ntpdig", "usr/bin/ntpdig", "-j", "-t", "1", server)
	return l.client.Try("/usr/bin/env", append([]string{cmd.Env[len(cmd.Env)-2], cmd.Env[len(cmd.Env)-1]}, cmd.Args...)...)
}

// TestLinks come, go and change while others are served.
func TestLinks(t *testing.T) {
	l := newLab(t, 0)
	l.router.Connect("dmz", l.client, "eth1")
	l.router.AddAddr("dmz", "203.0.113.1/24")
	l.client.AddAddr("eth1", "203.0.113.10/24")
	l.serve(ntp.Config{Links: []string{"lan", "later"}, LocalStratum: 5})
	if out, err := l.ntpdig("192.0.2.1"); err != nil {
		t.Errorf("%v %s", err, out)
	}
	if out, err := l.ntpdig("203.0.113.1"); err == nil {
		t.Errorf("a link that is no LAN is served: %s", out)
	}
	l.test(order{Config: &ntp.Config{Links: []string{"dmz", "later"}, LocalStratum: 5}})
	if out, err := l.ntpdig("203.0.113.1"); err != nil {
		t.Errorf("another LAN: %v %s", err, out)
	}
	if out, err := l.ntpdig("192.0.2.1"); err == nil {
		t.Errorf("a LAN of before is served: %s", out)
	}
	l.router.Connect("later", l.client, "eth2")
	l.router.AddAddr("later", "10.1.0.1/24")
	l.client.AddAddr("eth2", "10.1.0.10/24")
	testnet.Eventually(t, 20*time.Second, "a link that comes later is served", func() bool {
		_, err := l.ntpdig("10.1.0.1")
		return err == nil
	})
	l.router.Run("ip", "link", "del", "later")
	l.router.Connect("later", l.client, "eth2")
	l.router.AddAddr("later", "10.1.0.1/24")
	l.client.AddAddr("eth2", "10.1.0.10/24")
	testnet.Eventually(t, 20*time.Second, "and another one of its name", func() bool {
		_, err := l.ntpdig("10.1.0.1")
		return err == nil
	})
	clients := call[Clients](l, "clients", ClientsArgs{Most: 2})
	if clients.Known != 3 || len(clients.Clients) != 2 || clients.Clients[0].Addr.String() != "10.1.0.10" {
		t.Errorf("%+v", clients)
	}
	if a := l.status().Answers; a.Answered != clientsAsked(l) || a.Rated > 0 {
		t.Errorf("%+v", a)
	}
}

// clientsAsked is how often all clients have asked.
func clientsAsked(l *lab) (sum uint64) {
	for _, c := range call[Clients](l, "clients", nil).Clients {
		sum += c.Asked
	}
	return sum
}

// TestNoStorage: the time is kept and served, and the problem is said.
func TestNoStorage(t *testing.T) {
	l := newLab(t, time.Hour)
	state := filepath.Join(l.dir, "state")
	if err := os.WriteFile(filepath.Join(state, "clock"), []byte(`{"time": "2300-01-01T00:00:00Z"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(state, "clock"), 507, 507); err != nil {
		t.Fatal(err)
	}
	l.serve(l.upstream())
	l.await("the year 2300")
	l.synchronised()
	l.near(5 * time.Millisecond)
	if err := os.RemoveAll(state); err != nil {
		t.Fatal(err)
	}
	// Another limit has what is known kept first.
	conf := l.role.Config
	conf.StepLimit = time.Minute
	l.test(order{Config: &conf})
	if p := strings.Join(l.status().Problems, "\n"); !strings.Contains(p, "cannot be kept") {
		t.Errorf("problems: %q", p)
	}
	if !l.status().Synchronised {
		t.Error("with another limit the time is lost")
	}
}
