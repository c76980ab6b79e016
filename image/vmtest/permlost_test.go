package vmtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// permLost is an appliance that loses what it remembers, again and again.
type permLost struct {
	img      Image
	good     string // the disk for /perm as it was left in order
	wan, lan *testnet.Namespace
	laptop   *testnet.Namespace
	admin    admin // with the host key of the good disk
	got      string
}

// TestPermLost spoils what an appliance with a locked console remembers, in every way that a disk or a hand
// may. It serves all the same, and the administrator gets in by ssh: the console and status tell him the key
// to expect. With the disk as it was, all is as it was.
func TestPermLost(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 6*Guard)
	defer cancel()
	p := &permLost{img: theImage(t, lockedImage), wan: newSwitch(t, "wan", gateway+"/24"), lan: newSwitch(t, "lan", storeAddr)}
	p.laptop = newHost(t, p.lan, "00:00:5e:00:53:21")
	p.good = disk(ctx, t, p.img.Perm)
	p.admin = admin{from: p.lan, key: p.img.Key, address: "192.168.32.1", knownHosts: filepath.Join(t.TempDir(), "known_hosts")}

	vm := p.start(t, p.good)
	p.got = udhcpc(ctx, t, p.laptop)["ip"]
	p.admin.clean(ctx, t, "with its disk")
	closed(ctx, t, p.admin)
	p.off(ctx, t, vm)
	for _, spoilt := range []struct {
		name string
		lost bool // not only the key
		how  func(t *testing.T, disk string)
	}{
		{"random bytes", true, func(t *testing.T, disk string) { overwrite(t, disk, 0, 0) }},
		{"no superblock", true, func(t *testing.T, disk string) { overwrite(t, disk, 1024, 1024) }},
		{"an empty key", false, func(t *testing.T, disk string) {
			debugfs(t, disk, "cd ssh", "rm host_ed25519", "write /dev/null host_ed25519")
		}},
		{"half a key", false, func(t *testing.T, disk string) {
			debugfs(t, disk, "set_inode_field ssh/host_ed25519 size 200")
		}},
		{"a directory as key", false, func(t *testing.T, disk string) {
			debugfs(t, disk, "cd ssh", "rm host_ed25519", "mkdir host_ed25519")
		}},
		{"a file as its directory", false, func(t *testing.T, disk string) {
			debugfs(t, disk, "rm ssh/host_ed25519", "rmdir ssh", "write /dev/null ssh")
		}},
	} {
		t.Run(spoilt.name, func(t *testing.T) {
			perm := disk(ctx, t, p.good)
			spoilt.how(t, perm)
			p.serves(ctx, t, perm, spoilt.lost)
		})
	}
	vm = p.start(t, p.good)
	p.admin.clean(ctx, t, "with its disk again") // OpenSSH itself refuses another host key
	if got := udhcpc(ctx, t, p.laptop)["ip"]; got != p.got {
		t.Errorf("laptop got %s instead of %s", got, p.got)
	}
	p.off(ctx, t, vm)
}

func (p *permLost) start(t *testing.T, perm string) *VM {
	t.Helper()
	return Start(t, Machine{
		Name: "firewall", Kernel: p.img.Kernel, Append: Append + " gatehouse.perm=disk", MemoryMB: 96,
		NICs:  []NIC{{MAC: wanMAC, Port: port(t, p.wan, "firewall")}, {MAC: lanMAC, Port: port(t, p.lan, "firewall")}},
		Disks: []Disk{{Path: p.img.Root, Snapshot: true}, {Path: perm}},
	})
}

func (p *permLost) off(ctx context.Context, t *testing.T, vm *VM) {
	t.Helper()
	_, _ = p.admin.run(ctx, "poweroff")
	if err := vm.Wait(ctx); err != nil {
		t.Fatal(err)
	}
}

// serves starts the appliance with a disk, and has it serve a client and an administrator who knows no more
// than the console says.
func (p *permLost) serves(ctx context.Context, t *testing.T, perm string, lost bool) {
	vm := p.start(t, perm)
	if lost {
		if _, err := vm.Expect(ctx, "NO STABLE STORAGE"); err != nil {
			t.Fatal(err)
		}
	}
	said, err := vm.Expect(ctx, `The ssh host key is a temporary one, (SHA256:[A-Za-z0-9+/]{43}): `)
	if err != nil {
		t.Fatal(err)
	}
	a := p.admin
	a.knownHosts = filepath.Join(t.TempDir(), "known_hosts")
	for _, problem := range a.answered(ctx, t).Problems {
		if !strings.HasPrefix(problem, "sshd: The ssh host key") && !(lost && strings.HasPrefix(problem, "/perm: ")) {
			t.Errorf("status has another problem: %s", problem)
		}
	}
	wants := []string{"sshd: The ssh host key is a temporary one, " + said[1], "sshd ready", "dhcp ready", "dns ready"}
	if lost {
		wants = append(wants, "what the box learns is kept in memory until its next start")
	}
	testnet.Eventually(t, Guard, fmt.Sprintf("status ends with an error and says %q", wants), func() bool {
		text, err := a.run(ctx, "gatehouse status")
		flat := strings.Join(strings.Fields(text), " ")
		return err != nil && !slices.ContainsFunc(wants, func(w string) bool { return !strings.Contains(flat, w) })
	})
	if shown := fingerprint(t, a.knownHosts); shown != said[1] {
		t.Errorf("ssh was shown %s, and the console says %s", shown, said[1])
	}
	if got := udhcpc(ctx, t, p.laptop); got["hostname"] != "laptop" || !lost && got["ip"] != p.got {
		t.Errorf("laptop got %v, before %s", got, p.got)
	}
	p2 := *p
	p2.admin = a
	p2.off(ctx, t, vm)
}

// fingerprint is that of the only key in a file of known hosts.
func fingerprint(t *testing.T, knownHosts string) string {
	t.Helper()
	line, err := os.ReadFile(knownHosts)
	if err != nil {
		t.Fatal(err)
	}
	_, key, _ := bytes.Cut(line, []byte(" "))
	known, _, _, _, err := ssh.ParseAuthorizedKey(key)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return ssh.FingerprintSHA256(known)
}

// overwrite makes n bytes of a disk from an offset others; with n = 0 random ones, of all of it.
func overwrite(t *testing.T, disk string, at, n int64) {
	t.Helper()
	f, err := os.OpenFile(disk, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	what := make([]byte, n)
	if n == 0 {
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		what = make([]byte, info.Size())
		_, _ = rand.Read(what) // never fails
	}
	if _, err := f.WriteAt(what, at); err != nil {
		t.Fatal(err)
	}
}

// debugfs changes a disk.
func debugfs(t *testing.T, disk string, commands ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "debugfs", "-w", "-f", "-", disk)
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	out, err := cmd.CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("not found")) || bytes.Contains(out, []byte("nvalid")) {
		t.Fatalf("debugfs: %v: %s", err, out)
	}
}
