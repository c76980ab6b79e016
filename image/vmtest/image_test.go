package vmtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// status is what the tests read of "gatehouse status --json".
type status struct {
	Box struct {
		Site running `json:"site"`
	} `json:"box"`
	Services []service `json:"services"`
	Problems []string  `json:"problems"`
}

// running is which site runs.
type running struct {
	Number int    `json:"number"` // 0: the image's
	Hash   string `json:"hash"`
	Trial  *struct {
		Number int `json:"number"`
	} `json:"trial"`
	Last string `json:"last"`
}

type service struct {
	Name     string `json:"name"`
	State    string `json:"state"`
	PID      int    `json:"pid"`
	Restarts int    `json:"restarts"`
	LastExit string `json:"last_exit"`
}

// leased is what they read of "gatehouse leases --json".
type leased struct {
	Addr string `json:"addr"`
	MAC  string `json:"mac"`
	Name string `json:"name"`
	Kind string `json:"kind"`
}

// identity is what an appliance keeps for life.
type identity struct{ machineID, hostKey string }

// home is the reference site's appliance between its two networks, with what the subtests of TestImage share.
type home struct {
	t         *testing.T // of TestImage: what subtests start lives as long as it
	img       Image
	wan, lan  *testnet.Namespace
	laptop    *testnet.Namespace // a host of the LAN that has an address by DHCP
	root      string
	vm        *VM
	started   time.Time
	admin     admin
	identity  identity
	laptopGot lease
	cuts      int // of its power
}

// TestImage follows one appliance with one disk through what happens to it, in as little memory as it must
// get by with. The subtests build on each other: the first that fails ends the test.
func TestImage(t *testing.T) {
	t.Parallel()
	img := theImage(t, homeImage)
	ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
	defer cancel()
	h := &home{
		t:    t,
		img:  img,
		wan:  newSwitch(t, "wan", gateway+"/24", internet+"/32"),
		lan:  newSwitch(t, "lan", storeAddr),
		root: disk(ctx, t, img.Root),
	}
	h.laptop = newHost(t, h.lan, "00:00:5e:00:53:21")
	h.admin = admin{from: h.laptop, key: img.Key, address: "192.168.32.1", knownHosts: filepath.Join(t.TempDir(), "known_hosts")}
	h.started = time.Now()
	h.vm = appliance(t, img, h.wan, h.lan, h.root)
	for _, step := range []struct {
		name string
		run  func(ctx context.Context, t *testing.T, h *home)
	}{
		{"it answers soon", firstAnswers},
		{"a real client gets its lease", firstLease},
		{"names of the house, and outside", names},
		{"a client has its name at once", namesOfLeases},
		{"ssh and the gatehouse command", commands},
		{"all services leave memory", memory},
		{"only keys of the site get in", strangers},
		{"the LAN reaches the Internet, masqueraded", forward},
		{"the kernel has the rules of the site, and a short cut", rules},
		{"the WAN reaches nothing", refuse},
		{"the kernel lacks what it should", kernelClosed},
		{"a service that is killed comes back", killServices},
		{"the console is a root shell", rootShell},
		{"what people type does what busybox does", typedByPeople},
		{"reboot by command", rebootByCommand},
		{"power cut right after an ACK", powerCut},
		{"power cut again", powerCut},
		{"power off by command leaves a clean disk", powerOffByCommand},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.run(ctx, t, h) }) {
			return
		}
	}
}

func firstLease(ctx context.Context, t *testing.T, h *home) {
	h.laptopGot = udhcpc(ctx, t, h.laptop, "-O", "ntpsrv")
	for name, want := range map[string]string{
		"mask": "24", "router": "192.168.32.1", "dns": "192.168.32.1", "domain": "home.example",
		"ntpsrv": "192.168.32.1", "hostname": "laptop", "lease": "43200", "serverid": "192.168.32.1",
	} {
		if got := h.laptopGot[name]; got != want {
			t.Errorf("%s=%s, want %s", name, got, want)
		}
	}
	if ip := h.laptopGot["ip"]; !strings.HasPrefix(ip, "192.168.32.1") || len(ip) != len("192.168.32.1xx") {
		t.Errorf("the address %s is not of the pool", ip)
	}
}

func commands(ctx context.Context, t *testing.T, h *home) {
	text := h.admin.wellText(ctx, t)
	for _, want := range []string{"firewall", "eth1", "192.168.32.1/24", "192.0.2.10/24", "dhcp", "dns", "Everything is as it should be."} {
		if !strings.Contains(text, want) {
			t.Errorf("gatehouse status does not say %q:\n%s", want, text)
		}
	}
	s := h.admin.well(ctx, t, "at first")
	ready := map[string]bool{}
	for _, one := range s.Services {
		ready[one.Name] = one.State == "ready"
	}
	if want := map[string]bool{"nflog": true, "dhcp": true, "dns": true, "ntp": true, "sshd": true}; !maps.Equal(ready, want) {
		t.Errorf("services %v", s.Services)
	}
	want := leased{Addr: h.laptopGot["ip"], MAC: "00:00:5e:00:53:21", Name: "laptop", Kind: "pool"}
	if got := leases(ctx, t, h.admin); !slices.Contains(got, want) {
		t.Errorf("leases are %v, want %v among them", got, want)
	}
	text = h.admin.must(ctx, t, "gatehouse host web1")
	for _, want := range []string{"web1", "192.168.32.11", "00:16:3e:20:00:11", "iqn.2011-03.example.home:web1", "iscsi:192.168.32.10:::1:iqn.2011-03.example.home:web1.root"} {
		if !strings.Contains(text, want) {
			t.Errorf("gatehouse host web1 does not say %q:\n%s", want, text)
		}
	}
	if text = h.admin.must(ctx, t, "gatehouse log dhcp"); !strings.Contains(text, h.laptopGot["ip"]) {
		t.Errorf("gatehouse log dhcp does not tell of %s:\n%s", h.laptopGot["ip"], text)
	}
	h.identity = identify(ctx, t, h.admin)
}

func strangers(ctx context.Context, t *testing.T, h *home) {
	stranger := h.admin
	stranger.key = filepath.Join(t.TempDir(), "key")
	if _, err := output(ctx, h.laptop, nil, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger.key); err != nil {
		t.Fatal(err)
	}
	if out, err := stranger.run(ctx, "echo in"); err == nil || !strings.Contains(err.Error(), "Permission denied") {
		t.Errorf("a stranger's key: %q, %v", out, err)
	}
}

// forward has a host of the LAN ask a server on the Internet for the address that it is seen with.
func forward(ctx context.Context, t *testing.T, h *home) {
	listen(t, h.wan, internet+":8080")
	got, err := ask(ctx, h.laptop, internet+":8080")
	if err != nil || got != "192.0.2.10" {
		t.Errorf("the Internet sees the laptop as %q, %v, want 192.0.2.10", got, err)
	}
}

// refuse tries what somebody on the provider's network could, also with a route to the LAN behind. The LAN's
// own answers show that each of it is there to be reached.
func refuse(ctx context.Context, t *testing.T, h *home) {
	laptop := h.laptopGot["ip"] + ":8080"
	listen(t, h.laptop, laptop)
	for _, address := range []string{"192.168.32.1:22", "192.168.32.1:53", laptop} {
		if err := dial(ctx, h.lan, address); err != nil {
			t.Errorf("%s does not answer to the LAN: %v", address, err)
		}
	}
	h.wan.AddRoute("192.168.32.0/24", "192.0.2.10")
	var zone *net.Interface
	err := h.wan.Do(func() (err error) {
		zone, err = net.InterfaceByName(eth0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	linkLocal := fmt.Sprintf("[fe80::216:3eff:fe20:f0%%%d]:22", zone.Index) // of wanMAC
	var wait sync.WaitGroup
	for _, address := range []string{"192.0.2.10:22", "192.168.32.1:22", "192.0.2.10:53", "192.168.32.1:53", laptop, linkLocal} {
		wait.Go(func() {
			var timeout net.Error
			if err := dial(ctx, h.wan, address); !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Errorf("%s to the WAN: %v, want no answer at all", address, err)
			}
		})
	}
	for _, server := range []string{"192.0.2.10", "192.168.32.1"} {
		wait.Go(func() {
			try, cancel := context.WithTimeout(ctx, noAnswer)
			defer cancel()
			if got, err := resolve(try, h.wan, server, "store.home.example"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s tells the WAN that store is %q, %v, want no answer at all", server, got, err)
			}
		})
	}
	wait.Wait()
	if out, err := output(ctx, h.wan, nil, "ping", "-c", "1", "-W", "1", "192.0.2.10"); err == nil {
		t.Errorf("the WAN side answers ping:\n%s", out)
	}
	if _, err := output(ctx, h.laptop, nil, "ping", "-c", "1", "192.168.32.1"); err != nil {
		t.Errorf("ping from the LAN: %v", err)
	}
}

// killServices kills those that a network cannot do without. What they know of their clients they know again.
func killServices(ctx context.Context, t *testing.T, h *home) {
	h.kill(ctx, t, "dhcp")
	if got := udhcpc(ctx, t, h.laptop); got["ip"] != h.laptopGot["ip"] {
		t.Errorf("after the restart laptop got %s instead of %s", got["ip"], h.laptopGot["ip"])
	}
	h.kill(ctx, t, "dns")
}

// kill kills a service, and waits until it is ready again. Meanwhile a host asks for a name, which dns, if it
// is that one, has at its first answer again.
func (h *home) kill(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	before := h.admin.service(ctx, t, name)
	h.admin.must(ctx, t, "kill -9 "+strconv.Itoa(before.PID))
	h.knows(ctx, t, "laptop", h.laptopGot["ip"])
	var after service
	testnet.Eventually(t, Guard, name+" is ready again", func() bool {
		after = h.admin.service(ctx, t, name)
		return after.State == "ready" && after.PID != before.PID
	})
	if after.Restarts != before.Restarts+1 || !strings.Contains(after.LastExit, "killed") {
		t.Errorf("after kill -9: %+v, want one restart, by a signal", after)
	}
	if text := h.admin.must(ctx, t, "gatehouse status"); !strings.Contains(text, "killed") {
		t.Errorf("gatehouse status does not say how %s ended:\n%s", name, text)
	}
}

// rootShell leaves it open.
func rootShell(ctx context.Context, t *testing.T, h *home) {
	openShell(ctx, t, h.vm)
	for command, want := range map[string]string{
		"id":                      "uid=0(root)",
		"ls -l /proc/self/fd/0":   "-> /dev/ttyS0",
		"gatehouse status":        "Everything is as it should be.",
		"ping -c 1 192.168.32.10": "1 packets received",
		"ps":                      "gatehouse service dhcp",
	} {
		if out := typed(ctx, t, h.vm, command); !strings.Contains(out, want) {
			t.Errorf("%s at the console does not say %q:\n%s", command, want, out)
		}
	}
}

func rebootByCommand(ctx context.Context, t *testing.T, h *home) {
	rebooted(ctx, t, h.admin, func() error {
		_, _ = h.admin.run(ctx, "reboot") // the connection may end before the command
		return nil
	})
	h.unchanged(ctx, t)
}

// powerCut takes the power away in the moment after a new client has got its ACK, and in the middle of an
// upload.
func powerCut(ctx context.Context, t *testing.T, h *home) {
	beginUpload(ctx, t, h)
	guest := newHost(t, h.lan, fmt.Sprintf("00:00:5e:00:53:0%d", h.cuts))
	h.cuts++
	name := fmt.Sprintf("guest%d", h.cuts)
	got := udhcpc(ctx, t, guest, "-x", "hostname:"+name)
	h.vm.Kill()
	h.vm = appliance(h.t, h.img, h.wan, h.lan, h.root)
	h.knows(ctx, t, name, got["ip"])
	h.unchanged(ctx, t)
	if all := leases(ctx, t, h.admin); !slices.ContainsFunc(all, func(l leased) bool { return l.Addr == got["ip"] }) {
		t.Errorf("%s was acknowledged, and is not among the leases after the power cut: %v", got["ip"], all)
	}
	if again := udhcpc(ctx, t, guest); again["ip"] != got["ip"] {
		t.Errorf("after the power cut the guest got %s instead of %s", again["ip"], got["ip"])
	}
	if now := h.admin.must(ctx, t, "ls -A "+uploadDir+"; cat "+uploadDir+"/file"); now != "file\nold\n" {
		t.Errorf("after a power cut in an upload there is %q", now)
	}
}

// uploadDir is where a file is replaced when the power goes.
const uploadDir = "/perm/upload"

// beginUpload begins to replace a file slowly, and returns when the box has a part of the new one.
func beginUpload(ctx context.Context, t *testing.T, h *home) {
	t.Helper()
	h.admin.must(ctx, t, "mkdir -p "+uploadDir+" && echo old >"+uploadDir+"/file && sync")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, make([]byte, 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append(h.admin.options(), "-l", "2000", file, "admin@"+h.admin.address+":"+uploadDir+"/file") // 250 kB/s
	h.laptop.Start(exec.CommandContext(ctx, testnet.Need(t, "scp", "openssh-client"), args...))
	testnet.Eventually(t, time.Minute, "an upload begins", func() bool {
		open, _ := h.admin.run(ctx, "ls -l /proc/[0-9]*/fd 2>/dev/null")
		return strings.Contains(open, uploadDir+"/#") // a file that has no name yet: open(2), O_TMPFILE
	})
}

func powerOffByCommand(ctx context.Context, t *testing.T, h *home) {
	_, _ = h.admin.run(ctx, "poweroff")
	if err := h.vm.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	fsck(t, h.root)
}

// unchanged checks after a boot that it is the same appliance and that it knows its clients. OpenSSH itself
// refuses a host key that has changed.
func (h *home) unchanged(ctx context.Context, t *testing.T) {
	t.Helper()
	if now := identify(ctx, t, h.admin); now != h.identity {
		t.Errorf("identity %v became %v", h.identity, now)
	}
	if got := udhcpc(ctx, t, h.laptop); got["ip"] != h.laptopGot["ip"] {
		t.Errorf("laptop got %s instead of %s", got["ip"], h.laptopGot["ip"])
	}
}

func identify(ctx context.Context, t *testing.T, a admin) identity {
	t.Helper()
	id := identity{machineID: strings.TrimSpace(a.must(ctx, t, "cat /perm/machine-id"))}
	known, err := os.ReadFile(a.knownHosts)
	if err != nil {
		t.Fatal(err)
	}
	id.hostKey = string(known)
	if len(id.machineID) != 32 {
		t.Errorf("machine-id(5) is %q, want 32 hexadecimal digits", id.machineID)
	}
	return id
}

// rebooted does what shall make the appliance boot anew, and waits until it has.
func rebooted(ctx context.Context, t *testing.T, a admin, do func() error) {
	t.Helper()
	const bootID = "cat /proc/sys/kernel/random/boot_id"
	before := a.must(ctx, t, bootID)
	if err := do(); err != nil {
		t.Fatal(err)
	}
	testnet.Eventually(t, Guard, "the appliance has booted anew", func() bool {
		now, err := a.run(ctx, bootID)
		return err == nil && now != before
	})
}

func leases(ctx context.Context, t *testing.T, a admin) []leased {
	t.Helper()
	var all []leased
	a.json(ctx, t, "gatehouse leases --json", &all)
	return all
}

// listen tells everybody who connects to the address the address that it is seen with.
func listen(t *testing.T, on *testnet.Namespace, address string) {
	t.Helper()
	var l net.Listener
	err := on.Do(func() (err error) {
		l, err = net.Listen("tcp", address)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			host, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
			_, _ = io.WriteString(conn, host)
			conn.Close()
		}
	}()
}

// noAnswer is how long an answer is waited for where there must be none.
const noAnswer = 2 * time.Second

func connect(ctx context.Context, from *testnet.Namespace, address string) (conn net.Conn, err error) {
	dialer := net.Dialer{Timeout: noAnswer}
	// A dialer with more than one address to try dials on other threads, in another namespace: these are all
	// literal.
	err = from.Do(func() (err error) {
		conn, err = dialer.DialContext(ctx, "tcp", address)
		return err
	})
	return conn, err
}

func dial(ctx context.Context, from *testnet.Namespace, address string) error {
	conn, err := connect(ctx, from, address)
	if err == nil {
		conn.Close()
	}
	return err
}

func ask(ctx context.Context, from *testnet.Namespace, address string) (string, error) {
	conn, err := connect(ctx, from, address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	answer, err := io.ReadAll(conn)
	return string(answer), err
}
