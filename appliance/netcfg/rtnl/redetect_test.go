package rtnl

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// TestRedetect: a link-local address that another station had when the link came up is looked for again, and
// used when nobody has it any more; while he has, it is not. Other addresses are let alone.
func TestRedetect(t *testing.T) {
	box, other := testnet.New(t, "box"), testnet.New(t, "other")
	box.Sysctl("ipv6.conf.default.addr_gen_mode", "0") // RFC 4291, appendix A
	box.Connect("eth0", other, "eth0")
	box.Ready("eth0")
	other.Ready("eth0")
	m := box.MAC("eth0")
	local := netip.AddrFrom16([16]byte{0xfe, 0x80, 8: m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]}).String()
	const global = "2001:db8::1"
	other.Run("ip", "addr", "add", local+"/64", "dev", "eth0", "nodad")
	other.Run("ip", "addr", "add", global+"/64", "dev", "eth0", "nodad")

	shows := func(flag string) string { return box.Run("ip", "-6", "-o", "addr", "show", "dev", "eth0", flag) }
	failed := func(a string) bool { return strings.Contains(shows("dadfailed"), " "+a+"/") }
	used := func() bool { return strings.Contains(shows("-tentative"), " "+local+"/") }
	box.Down("eth0")
	box.Up("eth0")
	box.Run("ip", "addr", "add", global+"/64", "dev", "eth0")
	testnet.Eventually(t, patience, "the other has both addresses", func() bool { return failed(local) && failed(global) })

	var r redetector
	err := box.Do(func() (err error) {
		r.kernel, err = openKernel()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.kernel.Close()
	look := func() {
		t.Helper()
		if err := r.look(); err != nil || len(r.taken) > 0 {
			t.Fatal(err, r.taken)
		}
	}
	look()
	testnet.Eventually(t, patience, "it was looked for, and the other still has it", func() bool { return failed(local) })
	other.Run("ip", "addr", "del", local+"/64", "dev", "eth0")
	other.Run("ip", "addr", "del", global+"/64", "dev", "eth0")
	look()
	testnet.Eventually(t, patience, "it is used", used)
	if !failed(global) {
		t.Errorf("an address that is not the kernel's own was touched:\n%s", shows("permanent"))
	}
	before := shows("permanent")
	look()
	if after := shows("permanent"); after != before {
		t.Errorf("one that is used was touched:\n%s\nbefore:\n%s", after, before)
	}
	all, err := dump(func() ([]netlink.Addr, error) { return r.kernel.AddrList(nil, netlink.FAMILY_V6) })
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a.IP.String() == local && a.Protocol != protocolLL {
			t.Errorf("%s has protocol %d: it is not looked for the next time", local, a.Protocol)
		}
	}
}
