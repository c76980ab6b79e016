package wantest

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// patience is how long something may take that takes a moment.
const patience = 20 * time.Second

// A Provider is another's DHCP server. On eth0 of a namespace, which has 192.0.2.1/24, it
// gives one address of that network for an hour, with 192.0.2.1 as router and resolver,
// and says no to whoever asks for any other.
type Provider struct {
	Name string
	// Kernel: it answers who has an address by an ordinary socket (and dnsmasq who has none,
	// too), so that the checksum is left to the card.
	Kernel bool

	start func(t testing.TB, isp *testnet.Namespace, address string) *testnet.Process
	ready string // it serves when it has said this
}

// Start starts the server, and returns when it serves.
func (p Provider) Start(t testing.TB, isp *testnet.Namespace, address string) *testnet.Process {
	t.Helper()
	server := p.start(t, isp, address)
	testnet.Eventually(t, patience, p.Name+" serves", func() bool {
		return strings.Contains(server.Output(), p.ready)
	})
	return server
}

// Providers returns those that there are.
func Providers() []Provider {
	return []Provider{
		{"dnsmasq", true, dnsmasq, "DHCP, IP range"},
		{"Kea", false, kea, "DHCP4_STARTED"},
		{"ISC dhcpd", true, iscDHCPd, "Sending on   LPF/eth0"},
	}
}

func dnsmasq(t testing.TB, isp *testnet.Namespace, address string) *testnet.Process {
	return isp.Start(exec.Command(testnet.Need(t, "dnsmasq", "dnsmasq-base"), "--no-daemon",
		"--conf-file=/dev/null", "--port=0", "--interface=eth0", "--user=root", "--no-ping",
		"--dhcp-authoritative", "--leasefile-ro", "--pid-file=", "--dhcp-range="+address+","+address+
			",255.255.255.0,1h", "--dhcp-option=option:router,192.0.2.1",
		"--dhcp-option=option:dns-server,192.0.2.1"))
}

func kea(t testing.TB, isp *testnet.Namespace, address string) *testnet.Process {
	dir := t.TempDir()
	conf := write(t, dir, "kea.conf", fmt.Sprintf(`{"Dhcp4": {
		"interfaces-config": {"interfaces": ["eth0"], "service-sockets-max-retries": 1000, "service-sockets-retry-wait-time": 100},
		"lease-database": {"type": "memfile", "persist": false},
		"loggers": [{"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": "stderr"}]}],
		"valid-lifetime": 3600, "authoritative": true,
		"option-data": [{"name": "routers", "data": "192.0.2.1"}, {"name": "domain-name-servers", "data": "192.0.2.1"}],
		"subnet4": [{"id": 1, "subnet": "192.0.2.0/24", "interface": "eth0", "pools": [{"pool": "%[1]s - %[1]s"}]}]}}`, address))
	cmd := exec.Command(testnet.Need(t, "kea-dhcp4", "kea-dhcp4-server"), "-c", conf)
	cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR="+dir)
	return isp.Start(cmd)
}

func iscDHCPd(t testing.TB, isp *testnet.Namespace, address string) *testnet.Process {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	a := netip.MustParseAddr(address)
	// It is silent about addresses that are in no pool, and says no to those that are not for us.
	conf := write(t, dir, "dhcpd.conf", fmt.Sprintf(`authoritative; default-lease-time 3600; ping-check off;
		option routers 192.0.2.1; option domain-name-servers 192.0.2.1;
		subnet 192.0.2.0 netmask 255.255.255.0 {
			pool { range %s; }
			pool { deny all clients; range 192.0.2.2 %s; range %s 192.0.2.254; }
		}`, a, a.Prev(), a.Next()))
	return isp.Start(exec.Command(testnet.Need(t, "dhcpd", "isc-dhcp-server"), "-4", "-f", "-cf", conf,
		"-lf", write(t, dir, "leases", ""), "-pf", filepath.Join(dir, "pid"), "--no-pid", "eth0"))
}

func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
