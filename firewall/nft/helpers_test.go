package nft_test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// helping lets the LAN use services of the WAN, and forwards those of its host; helped says whether by their
// names.
func helping(t *testing.T, helped bool) firewall.Policy {
	p := twoLANs(t)
	service := func(name string, proto firewall.Proto, port uint16) firewall.Service {
		s := firewall.Service{Name: name, Flows: []firewall.Flow{{Proto: proto, Ports: []firewall.PortRange{firewall.Port(port)}}}}
		if helped {
			s.Helper = name
		}
		return s
	}
	ftp, tftp := service("ftp", firewall.TCP, 21), service("tftp", firewall.UDP, 69)
	sip, pptp := service("sip", firewall.UDP, 5060), service("pptp", firewall.TCP, 1723)
	zone := func(name string) []firewall.Endpoint { return []firewall.Endpoint{{Zones: []string{name}}} }
	guest := []firewall.Endpoint{{Zones: []string{"guest"}, Addresses: []netip.Prefix{
		netip.MustParsePrefix(guest4 + "/32"), netip.MustParsePrefix(guest6 + "/128")}}}
	p.Rules = append(p.Rules,
		firewall.Rule{Name: "files", Action: firewall.Allow, From: zone("lan"), To: zone("wan"), Services: []firewall.Service{ftp, tftp, sip, pptp}},
		firewall.Rule{Name: "files-in", Action: firewall.Allow, From: zone("wan"), To: guest, Services: []firewall.Service{ftp, tftp}})
	p.OneToOne = []firewall.OneToOne{{Outside: netip.MustParseAddr("192.0.2.20"), Inside: netip.MustParseAddr(guest4),
		Zone: "wan", Host: "guest", Hairpin: []string{"lan", "guest"}}}
	port := firewall.Port
	if !helped { // the kernel's helper is known by the host's port: a range has none
		port = func(n uint16) firewall.PortRange { return firewall.PortRange{First: n, Last: n + 1} }
	}
	to := []netip.Addr{netip.MustParseAddr(lan4), netip.MustParseAddr(lan6)}
	p.Forwards = []firewall.Forward{
		{Name: "ftp", From: []string{"wan"}, Protos: []firewall.Proto{firewall.TCP}, Ports: port(21), Zone: "lan", To: to,
			Hairpin: []string{"lan", "guest"}},
		{Name: "tftp", From: []string{"wan"}, Protos: []firewall.Proto{firewall.UDP}, Ports: port(69), Zone: "lan", To: to},
	}
	return p
}

// fileServers offers one file by ftp and by tftp, to everybody.
func fileServers(t *testing.T, ns netns, addr4, addr6 string) {
	t.Helper()
	dir := t.TempDir()
	public := filepath.Join(dir, "public")
	for d := public; d != "/" && d != os.TempDir(); d = filepath.Dir(d) {
		_ = os.Mkdir(d, 0o755)
		if err := os.Chmod(d, 0o755); err != nil { // for users that the servers become
			t.Fatal(err)
		}
	}
	config := filepath.Join(dir, "vsftpd.conf")
	for file, text := range map[string]string{
		filepath.Join(public, "file"): strings.Repeat("0123456789abcdef", 4096),
		// background=NO and run_as_launching_user=NO are the defaults: it stays with its parent.
		config: fmt.Sprintf("listen_ipv6=YES\nanonymous_enable=YES\nno_anon_password=YES\nanon_root=%s\nlocal_enable=NO\n"+
			"secure_chroot_dir=%s\nseccomp_sandbox=NO\nconnect_from_port_20=YES\nbackground=NO\nxferlog_enable=NO\n", public, public),
	} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ns.Start(exec.Command(testnet.Need(t, "vsftpd", "vsftpd"), config))
	ns.Start(exec.Command(testnet.Need(t, "dnsmasq", "dnsmasq-base"), "--keep-in-foreground", "--conf-file=/dev/null", "--port=0",
		"--enable-tftp", "--tftp-root="+public, "--user=root", "--pid-file="+filepath.Join(dir, "pid")))
	for _, addr := range []string{addr4, addr6} {
		testnet.Eventually(t, patience, "ftp on "+addr, func() bool {
			_, err := ns.Try("curl", "--silent", "--max-time", "5", "--output", "/dev/null", url("ftp", addr))
			return err == nil
		})
		testnet.Eventually(t, patience, "tftp on "+addr, func() bool {
			_, err := ns.Try("curl", "--silent", "--max-time", "5", "--output", "/dev/null", url("tftp", addr))
			return err == nil
		})
	}
}

func url(scheme, addr string) string {
	return scheme + "://" + strings.TrimSuffix(netip.AddrPortFrom(netip.MustParseAddr(addr), 0).String(), ":0") + "/file"
}

// TestHelpers fetches a file by real clients from real servers, whose data conversations are other ones than
// that by which they are agreed on.
func TestHelpers(t *testing.T) {
	curl := testnet.Need(t, "curl", "curl")
	fetches := []struct {
		name   string
		from   func(lab) netns
		scheme string
		to     string
		more   string // how
		rule   string // that gave it the helper
		closed bool   // it does not work without
	}{
		{"active ftp, masqueraded", lan, "ftp", wan4, "--ftp-port - --disable-eprt", "rule_files", true},
		{"extended active ftp, masqueraded", lan, "ftp", wan4, "--ftp-port -", "rule_files", true},
		{"passive ftp, masqueraded", lan, "ftp", wan4, "--disable-epsv", "rule_files", false},
		{"active ftp6", lan, "ftp", wan6, "--ftp-port -", "rule_files", true},
		{"tftp, masqueraded", lan, "tftp", wan4, "", "rule_files", true},
		{"tftp6", lan, "tftp", wan6, "", "rule_files", true},
		{"passive ftp, forwarded", wan, "ftp", wanBox4, "--disable-epsv", "rule_ftp", true},
		{"extended passive ftp, forwarded", wan, "ftp", wanBox4, "", "rule_ftp", true},
		{"active ftp, forwarded", wan, "ftp", wanBox4, "--ftp-port - --disable-eprt", "rule_ftp", false},
		{"passive ftp6, forwarded", wan, "ftp", lan6, "", "rule_ftp", true},
		{"tftp, forwarded", wan, "tftp", wanBox4, "", "rule_tftp", false},
		{"tftp6, forwarded", wan, "tftp", lan6, "", "rule_tftp", false},
		{"passive ftp, one to one", wan, "ftp", "192.0.2.20", "--disable-epsv", "rule_files-in", true},
		{"active ftp, one to one", wan, "ftp", "192.0.2.20", "--ftp-port - --disable-eprt", "rule_files-in", false},
		{"passive ftp, hairpin from another network", guest, "ftp", wanBox4, "--disable-epsv", "rule_ftp", true},
	}
	for _, helped := range []bool{true, false} {
		l := newLab(t, helping(t, helped))
		l.box.run(t, "ip addr add 192.0.2.20/32 dev eth0")
		fileServers(t, l.wan, wan4, wan6)
		fileServers(t, l.lan, lan4, lan6)
		fileServers(t, l.guest, guest4, guest6)
		for _, f := range fetches {
			before := l.counters(t)
			// A refused conversation need not be waited for, but curl does not know of it.
			limit := map[bool]string{true: "20", false: "2"}[helped || !f.closed]
			args := append([]string{"--silent", "--show-error", "--max-time", limit, "--output", "/dev/null", "--write-out", "%{size_download}"},
				strings.Fields(f.more)...)
			out, err := f.from(l).Try(curl, append(args, url(f.scheme, f.to))...)
			if got := strings.HasSuffix(out, "65536") && err == nil; got != (helped || !f.closed) {
				t.Errorf("%s, helper %t: %s %v", f.name, helped, out, err)
			}
			if after := l.counters(t); helped && after[f.rule] == before[f.rule] {
				t.Errorf("%s: not by %s, but %v", f.name, f.rule, counted(before, after))
			}
		}
	}
}

// TestHelpersStay: a load keeps the helpers that both policies have, and takes away what no rule assigns any
// more.
func TestHelpersStay(t *testing.T) {
	const all = "ftp_tcp tftp_udp sip_udp pptp_tcp"
	box := newNetns(t, "box")
	for _, want := range []string{all, all, "", all} {
		tree := compile(t, helping(t, want != ""))
		load(t, box, tree)
		var names []string
		for _, h := range tree.Helpers {
			names = append(names, h.Object())
			if !strings.Contains(box.run(t, "nft list ct helper inet gatehouse "+h.Object()), `"`+h.Name+`"`) {
				t.Errorf("there is no helper %s", h.Object())
			}
		}
		if strings.Join(names, " ") != want {
			t.Errorf("helpers %v, want %q", names, want)
		}
		if left := box.run(t, "nft list ct helpers table inet gatehouse"); want == "" && strings.Contains(left, "type") {
			t.Errorf("helpers are left: %s", left)
		}
	}
}
