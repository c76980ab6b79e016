package vmtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

const (
	provider6  = "2001:db8:5::1" // on the provider's link
	delegated1 = "2001:db8:100::"
	delegated2 = "2001:db8:200::"
)

// A delegator is a provider with IPv6: radvd is his router, Kea delegates the first /56 of a /48.
type delegator struct {
	t      *testing.T
	on     *testnet.Namespace
	server *testnet.Process
}

// newDelegator makes the router, which knows the appliance by its card and leads all that may be delegated to
// it.
func newDelegator(t *testing.T, on *testnet.Namespace) *delegator {
	t.Helper()
	on.Sysctl("ipv6/conf/all/forwarding", "1")
	addIPv6(on, provider6+"/64")
	for _, p := range []string{delegated1, delegated2} {
		on.Run("ip", "-6", "route", "add", p+"/48", "via", "fe80::216:3eff:fe20:f0", "dev", eth0) // of wanMAC
	}
	// Kea leaves a link alone whose own address is not there yet, and says nothing of it.
	testnet.Eventually(t, Guard, "the provider's addresses are his own", func() bool {
		out := on.Run("ip", "-6", "address", "show", "dev", eth0)
		return strings.Contains(out, "fe80:") && !strings.Contains(out, "tentative")
	})
	d := &delegator{t: t, on: on}
	dir := t.TempDir()
	conf := d.write(dir, "radvd.conf", "interface "+eth0+" { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 10; "+
		"prefix 2001:db8:5::/64 {}; };\n")
	on.Start(exec.Command(testnet.Need(t, "radvd", "radvd"), "-n", "-m", "stderr", "-C", conf, "-p", filepath.Join(dir, "pid")))
	return d
}

func (d *delegator) write(dir, name, text string) string {
	d.t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
	return path
}

// delegates has a prefix delegated, and no other any more. What was delegated before is forgotten.
func (d *delegator) delegates(prefix string) {
	d.t.Helper()
	if d.server != nil {
		d.server.Signal(syscall.SIGKILL)
		_ = d.server.Wait(d.t.Context()) // says that it was killed
	}
	dir := d.t.TempDir()
	conf := d.write(dir, "kea.conf", fmt.Sprintf(`{"Dhcp6": {
		"interfaces-config": {"interfaces": [%q]}, "lease-database": {"type": "memfile", "persist": false},
		"loggers": [{"name": "kea-dhcp6", "severity": "FATAL", "output_options": [{"output": "stderr"}]}],
		"server-id": {"type": "LL", "persist": false}, "preferred-lifetime": 1800, "valid-lifetime": 3600,
		"subnet6": [{"id": 1, "subnet": "2001:db8:5::/64", "interface": %[1]q,
			"pd-pools": [{"prefix": %q, "prefix-len": 48, "delegated-len": 56}]}]}}`, eth0, prefix))
	cmd := exec.Command(testnet.Need(d.t, "kea-dhcp6", "kea-dhcp6-server"), "-c", conf)
	cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR="+dir)
	d.server = d.on.Start(cmd)
}
