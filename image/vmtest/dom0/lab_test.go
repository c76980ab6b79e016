package dom0

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/image/vmtest"
	"github.com/gatehouse-os/gatehouse/image/vmtest/nethost"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

//go:embed networks.sh
var networks string

// lab is a Xen host with the hosts of networks.sh, and what the steps of a test know of the appliance.
type lab struct {
	*Host
	home, next vmtest.Image // an image of the reference site, and a newer one that knows another host and has its kernel inside
	running    vmtest.Image // which of them was started last
	web1       string       // root disk of a second guest
	truetime   string       // the program of that name
	store      string       // directory with what a guest that boots from the network needs
	identity   string       // of the appliance: its machine id
	laptop     string       // address of that host
	leased     string       // directory of the reference site, its way out by DHCP
	outside    string       // the appliance's address there, if it is leased

	at  string // the step that is being taken
	err error  // of the script that failed
}

// status is what the tests read of "gatehouse status --json".
type status struct {
	Machine struct {
		Platform string `json:"platform"`
		Memory   struct {
			Total int `json:"total"` // bytes
		} `json:"memory"`
	} `json:"machine"`
	Box struct {
		Boot struct {
			Storage struct {
				Kind   string `json:"kind"`
				Device string `json:"device"`
			} `json:"storage"`
		} `json:"boot"`
	} `json:"box"`
	Problems []string `json:"problems"`
}

// prepareGuard is the time after which the preparations are given up: without a cache, two Debian systems are
// made.
const prepareGuard = 8 * vmtest.Guard

// prepare builds the images and starts the host.
func (l *lab) prepare(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), prepareGuard, fmt.Errorf("the preparations were given %v", prepareGuard))
	defer cancel()
	dir := t.TempDir()
	l.web1 = filepath.Join(dir, "web1.ext2")
	l.home = buildImage(ctx, t, filepath.Join(dir, "home"), "../../../examples/home")
	l.next = buildImage(ctx, t, filepath.Join(dir, "next"), newerSite(t, l.home.Key+".pub"), "-boot", "grub")
	l.leased = leasedSite(t, filepath.Join(dir, "leased"), l.home.Key+".pub")
	buildProbe(ctx, t, l.web1)
	l.truetime = filepath.Join(dir, "truetime")
	buildStatic(ctx, t, l.truetime, "./truetime")
	l.store = filepath.Join(dir, "store")
	fillStore(ctx, t, l.store)
	l.Host = Start(ctx, t, Config{Data: dir, Key: l.home.Key})
	l.sh(ctx, t, "key="+l.home.Key+" truetime="+l.truetime+"\n"+networks)
}

// buildImage makes an image in a new directory, with options of mkimage.
func buildImage(ctx context.Context, t *testing.T, dir, site string, options ...string) vmtest.Image {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	img, err := vmtest.BuildImage(ctx, dir, site, options...)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// newerSite is a copy of the reference site with one more host, and with a key that may log in.
func newerSite(t *testing.T, key string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "site")
	copySite(t, dir, key)
	edit(t, filepath.Join(dir, "hosts"), func(text string) string { return text + "192.168.32.14 web3\n" })
	edit(t, filepath.Join(dir, "ethers"), func(text string) string { return text + "00:16:3e:20:00:14 web3\n" })
	return dir
}

// leasedSite is a copy of the reference site whose way out is by DHCP, in a new directory.
func leasedSite(t *testing.T, dir, key string) string {
	t.Helper()
	copySite(t, dir, key)
	edit(t, filepath.Join(dir, "site.toml"), func(text string) string {
		for _, change := range [][2]string{{`ipv4      = "192.0.2.10/24"`, `ipv4      = "dhcp"`}, {`gateway   = "192.0.2.1"`, ""}} {
			if !strings.Contains(text, change[0]) {
				t.Fatalf("the reference site has no %s", change[0])
			}
			text = strings.Replace(text, change[0], change[1], 1)
		}
		return text
	})
	return dir
}

// copySite makes a copy of the reference site in a new directory, with a key that may log in.
func copySite(t *testing.T, dir, key string) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS("../../../examples/home")); err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	edit(t, filepath.Join(dir, "authorized_keys"), func(text string) string { return text + string(public) })
}

// edit changes a text file.
func edit(t *testing.T, file string, change func(text string) string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, []byte(change(string(text))), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// buildProbe makes the root disk of the second guest, whose init is the program in probe.
func buildProbe(ctx context.Context, t *testing.T, disk string) {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"dev", "proc", "sbin"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	buildStatic(ctx, t, filepath.Join(root, "sbin/init"), "./probe")
	mke2fs := exec.CommandContext(ctx, "mke2fs", "-q", "-d", root, disk, "16M")
	if out, err := mke2fs.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", mke2fs.Args, err, out)
	}
}

// buildStatic builds a program that needs nothing but a kernel.
func buildStatic(ctx context.Context, t *testing.T, file, source string) {
	t.Helper()
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build.Args, err, out)
	}
}

// fillStore makes the directory with the disk of a host that boots from the network, and its kernel and
// initramfs.
func fillStore(ctx context.Context, t *testing.T, dir string) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	host, err := nethost.Build(ctx, filepath.Join(cache, "gatehouse"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{"vmlinuz": host.Kernel, "initrd.img": host.Initrd, "web1.root": host.Disk} {
		if err := vmtest.CopyDisk(ctx, file, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// sh runs a script in dom0 that has to succeed.
func (l *lab) sh(ctx context.Context, t *testing.T, script string) string {
	t.Helper()
	out, err := l.Run(ctx, script)
	if err != nil {
		l.err = err
		t.Fatalf("%v\n%s", err, out)
	}
	return out
}

// fw runs a command on the appliance that has to succeed.
func (l *lab) fw(ctx context.Context, t *testing.T, command string) string {
	t.Helper()
	return l.sh(ctx, t, l.ssh(command))
}

// ssh is the command line in dom0 that runs a command on the appliance.
func (l *lab) ssh(command string) string {
	return "fw " + Quote(command)
}

// status asks the appliance, where problems may be found but must be told.
func (l *lab) status(ctx context.Context, t *testing.T) status {
	t.Helper()
	var s status
	out := l.sh(ctx, t, l.ssh("gatehouse status --json")+" || true")
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatalf("gatehouse status --json: %v\n%s", err, out)
	}
	return s
}

// healthy waits until the appliance says that all is well: beside others, its services may take longer to
// answer than status waits for them.
func (l *lab) healthy(ctx context.Context, t *testing.T) (s status) {
	t.Helper()
	defer func() {
		if len(s.Problems) > 0 {
			t.Logf("problems: %q", s.Problems)
		}
	}()
	testnet.Eventually(t, vmtest.Guard, "the appliance says that all is well", func() bool {
		s = l.status(ctx, t)
		return len(s.Problems) == 0
	})
	return s
}

// twoProcessors are settings for a guest. Both take turns on one of the host's processors, for the reason
// that is told at [vmtest.Machine].
var twoProcessors = []string{"vcpus=2", `cpus="1"`}

// create starts the appliance from an image's own configuration, with other values for some of its keys, and
// waits until it can be logged in to.
func (l *lab) create(ctx context.Context, t *testing.T, img vmtest.Image, settings ...string) {
	t.Helper()
	l.xlCreate(ctx, t, img, settings...)
	l.up(ctx, t)
}

// consoleLog is the file in dom0 with what the appliance has said in all of its lives.
const consoleLog = "/var/log/xen/console/guest-firewall.log"

// xlCreate is create without the waiting. The console's log begins anew.
func (l *lab) xlCreate(ctx context.Context, t *testing.T, img vmtest.Image, settings ...string) {
	t.Helper()
	l.running = img
	command := "xl create " + filepath.Join(img.Dir, "firewall.cfg")
	for _, s := range settings {
		command += " " + Quote(s)
	}
	l.sh(ctx, t, "rm -f "+consoleLog+"; "+command)
}

// console is what the appliance has said since it was created.
func (l *lab) console(ctx context.Context, t *testing.T) string {
	t.Helper()
	return l.sh(ctx, t, "cat "+consoleLog)
}

// awaitConsole waits until the appliance has said something.
func (l *lab) awaitConsole(ctx context.Context, t *testing.T, text string) {
	t.Helper()
	l.sh(ctx, t, "until grep -qF "+Quote(text)+" "+consoleLog+"; do sleep 0.5; done")
}

// up waits until the appliance can be logged in to, and has the lease of its way out confirmed, if it is by
// DHCP.
func (l *lab) up(ctx context.Context, t *testing.T) {
	t.Helper()
	command := "true"
	if l.outside != "" {
		command = "gatehouse wan"
	}
	l.sh(ctx, t, "until "+l.ssh(command)+" >&2 2>/run/why; do xl domid firewall >/dev/null || { cat /run/why >&2; exit 1; }; sleep 0.5; done")
}

// gone waits until xl has cleaned up after a guest, whose disks can be used again only then.
func (l *lab) gone(ctx context.Context, t *testing.T, guest string) {
	t.Helper()
	l.sh(ctx, t, "while xl domid "+guest+" >/dev/null 2>&1; do sleep 0.5; done")
}

// lease has a host get an address, and gives it.
func (l *lab) lease(ctx context.Context, t *testing.T, host string) string {
	t.Helper()
	out := l.sh(ctx, t, "ip netns exec "+host+" busybox udhcpc -f -q -n -t 20 -T 1 -i eth0 -s /usr/local/sbin/leased >&2; sed -n s/^ip=//p /run/bound."+host)
	return strings.TrimSpace(out)
}
