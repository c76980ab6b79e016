package wantest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// A Delegator is another's DHCPv6 server. On eth0 of a namespace, which has 2001:db8:5::1/64, it gives
// addresses of 2001:db8:5::100/120, names 2001:db8:5::53 as resolver, and delegates /56s. What it knew it has
// forgotten when it is started again.
type Delegator struct {
	Name string
	// TakesBack: a prefix of another pool that a client renews is given lifetimes of 0, beside one of this
	// pool.
	TakesBack bool

	start func(t testing.TB, isp *testnet.Namespace, p Pool) *testnet.Process
}

// A Pool is what a Delegator has.
type Pool struct {
	// Prefix is a /48 whose subnets are delegated, "2001:db8:100::", from the first on; "": there is none.
	Prefix string
	Length int           // of what is delegated; 0: 56
	Valid  time.Duration // the lifetime, of which half is preferred; 0: an hour
}

func (p Pool) withDefaults() Pool {
	if p.Length == 0 {
		p.Length = 56
	}
	if p.Valid == 0 {
		p.Valid = time.Hour
	}
	return p
}

// seconds are the preferred and the valid lifetime.
func (p Pool) seconds() (preferred, valid int) {
	return int(p.Valid.Seconds() / 2), int(p.Valid.Seconds())
}

// Start starts the server. It may take a moment until it serves: clients ask again.
func (d Delegator) Start(t testing.TB, isp *testnet.Namespace, p Pool) *testnet.Process {
	t.Helper()
	return d.start(t, isp, p.withDefaults())
}

// Delegators returns those that there are.
func Delegators() []Delegator {
	return []Delegator{{"Kea", true, kea6}, {"ISC dhcpd", false, iscDHCPd6}}
}

func kea6(t testing.TB, isp *testnet.Namespace, p Pool) *testnet.Process {
	dir, pools := t.TempDir(), ""
	if p.Prefix != "" {
		pools = fmt.Sprintf(`"pd-pools": [{"prefix": %q, "prefix-len": 48, "delegated-len": %d}],`, p.Prefix,
			p.Length)
	}
	preferred, valid := p.seconds()
	conf := write(t, dir, "kea.conf", fmt.Sprintf(`{"Dhcp6": {
		"interfaces-config": {"interfaces": ["eth0"]}, "lease-database": {"type": "memfile", "persist": false},
		"loggers": [{"name": "kea-dhcp6", "severity": "FATAL", "output_options": [{"output": "stderr"}]}],
		"server-id": {"type": "LL", "persist": false},
		"preferred-lifetime": %d, "valid-lifetime": %d, "option-data": [{"name": "dns-servers", "data": "2001:db8:5::53"}],
		"subnet6": [{"id": 1, "subnet": "2001:db8:5::/64", "interface": "eth0", %s
			"pools": [{"pool": "2001:db8:5::100 - 2001:db8:5::1ff"}]}]}}`, preferred, valid, pools))
	cmd := exec.Command(testnet.Need(t, "kea-dhcp6", "kea-dhcp6-server"), "-c", conf)
	cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR="+dir)
	return isp.Start(cmd)
}

func iscDHCPd6(t testing.TB, isp *testnet.Namespace, p Pool) *testnet.Process {
	dir, pool := t.TempDir(), ""
	if p.Prefix != "" {
		pool = fmt.Sprintf("prefix6 %s %sff00:: /%d;", p.Prefix, strings.TrimSuffix(p.Prefix, ":"), p.Length)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	preferred, valid := p.seconds()
	conf := write(t, dir, "dhcpd.conf", fmt.Sprintf(`authoritative; default-lease-time %d; preferred-lifetime %d;
		option dhcp6.name-servers 2001:db8:5::53;
		subnet6 2001:db8:5::/64 { range6 2001:db8:5::100 2001:db8:5::1ff; %s }`, valid, preferred, pool))
	return isp.Start(exec.Command(testnet.Need(t, "dhcpd", "isc-dhcp-server"), "-6", "-f", "-cf", conf,
		"-lf", write(t, dir, "leases", ""), "-pf", filepath.Join(dir, "pid"), "--no-pid", "eth0"))
}

// Radvd starts radvd on eth0 of a namespace that forwards, with further lines for the interface. The hosts of
// the link are told at least each 4 seconds.
func Radvd(t testing.TB, isp *testnet.Namespace, lines string) *testnet.Process {
	dir := t.TempDir()
	conf := write(t, dir, "radvd.conf", "interface eth0 { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; "+lines+" };\n")
	return isp.Start(exec.Command(testnet.Need(t, "radvd", "radvd"), "-n", "-u", "root", "-m", "stderr", "-C",
		conf, "-p", filepath.Join(dir, "pid")))
}

// ntpByBoth is a value of option 56 with 2001:db8:5::123 and time.isp.example, as bytes: by its name for the
// option, dnsmasq takes either addresses or a name.
const ntpByBoth = "00:01:00:10:20:01:0d:b8:00:05:00:00:00:00:00:00:00:00:01:23:" +
	"00:03:00:12:04:74:69:6d:65:03:69:73:70:07:65:78:61:6d:70:6c:65:00"

// Dnsmasq6 starts dnsmasq as router and DHCPv6 server, with the addresses and the resolver of a Delegator,
// and the time servers 2001:db8:5::123 and time.isp.example. The mode is that of its dhcp-range: "slaac",
// "ra-stateless", or "" for addresses by DHCPv6 alone.
func Dnsmasq6(t testing.TB, isp *testnet.Namespace, mode string) *testnet.Process {
	if mode != "" {
		mode = "," + mode
	}
	return isp.Start(exec.Command(testnet.Need(t, "dnsmasq", "dnsmasq-base"), "--no-daemon",
		"--conf-file=/dev/null", "--port=0", "--interface=eth0", "--user=root", "--enable-ra",
		"--dhcp-range=2001:db8:5::100,2001:db8:5::1ff"+mode+
			",64,1h", "--dhcp-option=option6:dns-server,[2001:db8:5::53]",
		"--dhcp-option=option6:domain-search,isp.example", "--dhcp-option=option6:56,"+ntpByBoth,
		"--dhcp-authoritative", "--dhcp-leasefile="+filepath.Join(t.TempDir(), "leases"), "--pid-file="))
}
