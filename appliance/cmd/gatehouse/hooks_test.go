package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// provider starts dnsmasq as the provider's DHCP server with one address to give, and more that it says.
func (w *wiring) provider(address, more string) *testnet.Process {
	w.t.Helper()
	conf := filepath.Join(w.t.TempDir(), "dnsmasq.conf")
	text := fmt.Sprintf("port=0\ninterface=eth0\nbind-interfaces\nleasefile-ro\ndhcp-authoritative\n"+
		"dhcp-range=%[1]s,%[1]s,255.255.255.0,1h\n"+
		"dhcp-option=option:router,192.0.2.1\ndhcp-option=option:dns-server,192.0.2.1\n%[2]s\n", address, more)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
	dnsmasq := testnet.Need(w.t, "dnsmasq", "dnsmasq-base")
	return w.wan.Start(exec.Command(dnsmasq, "--keep-in-foreground", "--log-facility=-", "--conf-file="+conf))
}

// hostile is what a provider says that means no good, as dnsmasq takes a text: a shell's words, a second line
// that would be a variable of its own, and what a terminal acts on. escaped is what a hook gets.
const (
	hostile = "\"$(touch /tmp/was-here)`touch /tmp/was-here`;\\nip=192.0.2.66\\n\\e[31mred'*\""
	escaped = "$(touch /tmp/was-here)`touch /tmp/was-here`;\\x0aip=192.0.2.66\\x0a\\x1b[31mred'*"
)

// say prints all that it was told, by the variables and by the shell, and what the box is by then.
const say = `
env | while IFS= read -r line; do echo "$1 env $line"; done
echo "$1 path <$rootpath> domain <$domain> host <$hostname>"
echo "$1 unquoted" $rootpath
echo "$1 address" $(ip -4 -o addr show dev "$interface" | tr -s ' ' | cut -d' ' -f4) is "$ip"
touch /tmp/said
echo "$1 user $(id -u) pid $$"
`

// TestHooks has programs of the site run for all that happens to a lease, with what a hostile provider says.
func TestHooks(t *testing.T) {
	w := newWiring(t)
	w.plugLAN()
	w.plugWAN()
	more := ""
	for _, code := range []int{12, 15, 17} { // host name, domain, root path
		more += fmt.Sprintf("dhcp-option-force=%d,%s\n", code, hostile)
	}
	server := w.provider("192.0.2.20", more)
	w.startByDHCP([2]string{"say.sh", say}, [2]string{"broken", "echo no luck; exit 7\n"})
	w.has("at first", "192.0.2.20")
	w.hears("bound user 65534 pid 1", 1)
	w.hears("hook=broken event=bound end=\"exit status 7\"", 1)
	w.hears("bound address 192.0.2.20/24 is 192.0.2.20", 1)
	log := w.hookLog()
	saysAll(t, "bound", log, "bound env rootpath="+escaped, "bound path <"+escaped+"> domain <bad> host <bad>", "bound unquoted "+escaped,
		"bound env ip=192.0.2.20", "bound env subnet=255.255.255.0", "bound env mask=24", "bound env router=192.0.2.1",
		"bound env dns=192.0.2.1", "bound env lease=3600", "bound env serverid=192.0.2.1", "bound env interface=eth0")
	known := regexp.MustCompile(`bound env ([A-Za-z0-9_]+)=`)
	for line := range strings.Lines(log) {
		if strings.Contains(line, "bound env ") && !known.MatchString(line) {
			t.Errorf("no variable: %s", line)
		}
		if i := strings.IndexFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return r < ' ' || r == 0x7f }); i >= 0 {
			t.Errorf("a terminal acts on %q", line)
		}
	}
	testnet.Eventually(t, patience, "the broken hook is a problem", func() bool {
		return strings.Contains(w.gatehouse("status"), "hook broken: at bound, exit status 7; gatehouse log hooks says more")
	})

	saysAll(t, "wan", w.gatehouse("wan"), "hooks       say.sh, at bound, ", "broken, at bound, ", "! hook broken: at bound, exit status 7")

	w.gatehouse("wan", "renew")
	w.hears("renew address 192.0.2.20/24 is 192.0.2.20", 1)

	// The provider gives another, and says no to the one that we have.
	server.Signal(9)
	_ = server.Wait(t.Context())
	w.provider("192.0.2.21", more)
	w.wan.Down("eth0")
	time.Sleep(200 * time.Millisecond) // the cable is out
	w.wan.Up("eth0")
	w.hears("nak env ip=0.0.0.0", 1)
	w.hears("nak env message=address not available", 1)
	w.hears("deconfig user 65534", 1)
	w.hears("deconfig address is", 1)
	w.hears("bound address 192.0.2.21/24 is 192.0.2.21", 1)

	w.gatehouse("wan", "release")
	w.hears("deconfig user 65534", 2)
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/root/tmp", w.pid))
	if err != nil || len(entries) != 1 || entries[0].Name() != "said" { // by the hook itself
		t.Errorf("what the provider said was run: %v, %v", entries, err)
	}
	w.unbrokenOf(len(homePlan(t).Services) + 1)
}

func (w *wiring) hookLog() string {
	w.t.Helper()
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(w.gatehouse("log", "-n", "500", hooksName))
}

// hears waits until hooks have said something n times.
func (w *wiring) hears(what string, n int) {
	w.t.Helper()
	testnet.Eventually(w.t, patience, "hooks say "+what, func() bool { return strings.Count(w.hookLog(), what) >= n })
}
