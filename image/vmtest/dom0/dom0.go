// Package dom0 is a Xen host in QEMU, for tests and benchmarks that start the appliance with xl(1).
//
// The hypervisor and a Debian dom0 with xl run under TCG, which emulates AMD's SVM with nested paging well
// enough that Xen starts PVH guests as well as PV ones, on any machine. The host has the bridges xenbr0 and
// xenbr1, with nothing on them, and takes commands by ssh on a card of its own. Its disk is made from
// Debian's packages once and kept in the user's cache; what a test writes there is gone with the test.
//
// Emulation makes processes expensive: a fork with exec in dom0 costs about 40 ms, and Xen's own hotplug
// scripts took 20 of the 25 s of an xl create; xl gives them up after 40. Shorter ones are in their place;
// all else of the toolstack is Debian's. It needs root, for the network card, and the packages that its
// errors name.
package dom0

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/image/vmtest"
	"github.com/gatehouse-os/gatehouse/image/vmtest/debian"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// The two ends of the wire for commands.
const ours, theirs = "10.0.0.1", "10.0.0.2"

// sshPort is the port of ssh (RFC 4253, section 4.2).
const sshPort = "22"

// Config says what a host starts with.
type Config struct {
	// Data is a directory of which the host has a copy under the same path, with room for more, so that an
	// image can be started with the paths it was built with. Its path has neither blanks nor commas.
	Data string
	Key  string      // a file in Data with the private key for ssh; the public one is beside it, named .pub
	LAN  vmtest.Port // of a card on xenbr1, through which the test itself is on that bridge; zero: none
}

// NativeTSC is a setting for xl create which has a guest read the processor's clock itself. That is what Xen
// does of itself where the processor says that its clocks are invariant. QEMU's are, and it does not say so:
// then each reading is a trap, and the appliance takes 2.5 times as much of the processor until it serves.
const NativeTSC = `tsc_mode="native"`

// Host is a running Xen host.
type Host struct {
	*vmtest.VM
	client *ssh.Client
}

// overlay is what dom0 has that no package brings.
//
//go:embed overlay
var overlay embed.FS

// recipe is dom0's disk: the hypervisor and the toolstack, the emulator of HVM guests' devices, dom0's
// standard kernel (Debian's cloud kernel is no dom0), and what the tests use. busybox is its init, DHCP
// client and web server, dnsmasq the DHCP server of a provider.
func recipe() (debian.Recipe, error) {
	files, err := fs.Sub(overlay, "overlay")
	modules := "/lib/modules/*/kernel/"
	return debian.Recipe{
		Name: "dom0",
		Packages: []string{
			"xen-system-amd64", "linux-image-amd64", "initramfs-tools", "busybox", "lz4", "kmod", "udev",
			"mount", "netbase", "iproute2", "iputils-ping", "openssh-server", "openssh-client", "tcpdump",
			"e2fsprogs", "tgt", "qemu-system-xen", "dnsmasq-base",
		},
		Unread: []string{
			"/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", modules + "sound/*",
			modules + "drivers/gpu/*", modules + "drivers/media/*", modules + "drivers/usb/*",
			modules + "drivers/scsi/*", modules + "drivers/net/ethernet/*", modules + "drivers/net/wireless/*",
			modules + "drivers/infiniband/*",
		},
		Overlay: files,
		Options: []string{
			`--essential-hook=chmod +x "$1"/etc/initramfs-tools/scripts/*/* "$1"/etc/xen/scripts/*`,
			// the overlay's scripts are there before the package that has scripts of these names
			`--dpkgopt=force-confold`,
			`--customize-hook=ln -s /usr/bin/busybox "$1"/sbin/init`,
		},
		Files: map[string]string{"xen": "boot/xen-*-amd64.gz", "vmlinuz": "boot/vmlinuz-*",
			"initrd": "boot/initrd.img-*"},
		// What is written to it is lost with the test that wrote it: a journal would only cost time.
		Ext4: []string{"-O", "^has_journal"}, Size: "1G",
	}, err
}

// machine is the host as QEMU starts it. With -cpu max dom0 crashes in an early page fault, with EPYC Xen
// panics. dom0 has one processor, pinned to the first of the host's: with two, each of its page table updates
// interrupts the other one, and everything takes twice as long. QEMU's processors need their threads: in one
// (thread=single) a PVH guest died of a page fault that its kernel took in kernel mode with the user's GS, in
// two of two starts. What guards against the faults of real processors would only cost time.
func machine(parts, dataDisk string, control vmtest.Port, c Config) vmtest.Machine {
	nics := []vmtest.NIC{{MAC: "00:16:3e:20:00:fd", Port: control}}
	if c.LAN.File != nil {
		nics = append(nics, vmtest.NIC{MAC: "00:16:3e:20:00:fe", Port: c.LAN})
	}
	in := func(name string) string { return filepath.Join(parts, name) }
	dom0 := fmt.Sprintf("root=/dev/vda rw console=hvc0 quiet mitigations=off gatehouse.address=%s/24 gatehouse.data=%s gatehouse.key=%s.pub", theirs, c.Data, c.Key)
	return vmtest.Machine{
		Name: "xen", CPU: "qemu64,+svm,+npt,+nrip-save", CPUs: 2, MemoryMB: 2048,
		Kernel: in("xen"), Append: "dom0_mem=768M,max:768M dom0_max_vcpus=1 dom0_vcpus_pin spec-ctrl=no console=com1 com1=115200,8n1",
		// The first module of a multiboot kernel has arguments, the others follow after a comma.
		Initrd: in("vmlinuz") + " " + dom0 + "," + in("initrd"),
		Disks:  []vmtest.Disk{{Path: in(debian.Disk), Snapshot: true}, {Path: dataDisk}},
		NICs:   nics,
	}
}

// Start starts a host that ends with the test at the latest, and waits until it takes commands. When the test
// fails, the consoles of all guests are kept beside the host's own, and their ends are printed.
func Start(ctx context.Context, t testing.TB, c Config) *Host {
	t.Helper()
	h, err := start(ctx, t, c)
	if err != nil {
		t.Fatalf("Xen host: %v", err)
	}
	return h
}

func start(ctx context.Context, t testing.TB, c Config) (*Host, error) {
	key, err := os.ReadFile(c.Key)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Key, err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	r, err := recipe()
	if err != nil {
		return nil, err
	}
	parts, err := r.Make(ctx, filepath.Join(cache, "gatehouse"))
	if err != nil {
		return nil, err
	}
	data := filepath.Join(t.TempDir(), "data")
	if err := dataDisk(ctx, c.Data, data); err != nil {
		return nil, err
	}
	network := testnet.New(t, "dom0")
	control, err := plug(network)
	if err != nil {
		return nil, err
	}
	h := &Host{VM: vmtest.Start(t, machine(parts, data, control, c))}
	if match, err := h.Expect(ctx, "dom0: (ready|not started)"); err != nil || match[1] != "ready" {
		return nil, errors.Join(errors.New("dom0 did not start, see its console"), err)
	}
	if err := h.connect(ctx, network, signer); err != nil {
		return nil, err
	}
	t.Cleanup(func() { h.finish(t) })
	return h, nil
}

// plug gives the network a place for the host's card.
func plug(network *testnet.Namespace) (vmtest.Port, error) {
	network.Bridge("eth0")
	network.AddAddr("eth0", ours+"/24")
	network.Tap("xen", "eth0")
	return vmtest.Tap(network.Do, "xen")
}

func (h *Host) connect(ctx context.Context, network *testnet.Namespace, signer ssh.Signer) error {
	address := net.JoinHostPort(theirs, sshPort)
	var conn net.Conn
	err := network.Do(func() (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, "tcp", address)
		return err
	})
	if err != nil {
		return err
	}
	config := &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), // nobody else is on this network
	}
	sshConn, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if err != nil {
		conn.Close()
		return err
	}
	h.client = ssh.NewClient(sshConn, channels, requests)
	go func() {
		<-h.Exited() // at the latest with the test
		h.client.Close()
	}()
	return nil
}

// Run runs a script of sh(1) in dom0 and gives what it wrote to its standard output. The error, when the
// script fails or ctx ends, tells what it wrote to its standard error. A host that does not answer any more
// does not keep Run from returning when ctx ends; the script is left alone then.
func (h *Host) Run(ctx context.Context, script string) (string, error) {
	var stdout, stderr said
	ended := make(chan error, 1)
	go func() { // until the script ends, or the connection with the test
		session, err := h.client.NewSession()
		if err == nil {
			session.Stdout, session.Stderr = &stdout, &stderr
			err = session.Run("exec sh -euc " + Quote(script))
			session.Close()
		}
		ended <- err
	}()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = fmt.Errorf("had not ended: %w", context.Cause(ctx))
	}
	if err != nil {
		err = fmt.Errorf("dom0: %w\n%s\n%s", err, strings.TrimSpace(script),
			strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), err
}

// said is what a script has said so far.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// Quote makes one word of sh(1) of s.
func Quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// logs are the files of dom0 that tell why a guest did not do what it should.
const logs = "/var/log/xen/console/*.log /var/log/xen/xl-*.log /var/log/xen/xen-hotplug.log"

// state tells where dom0 and its guests stand: what runs here, what Xen gives time to, and what the first
// processor of each guest does. A line that fails says so and is followed by the next.
const state = `
set +e
exec 2>&1
ps -eo pid,etime,stat,args | grep -v ' \['
xl vcpu-list; xl list -v
for id in $(xl list | sed -n 's/^[^ ]*  *\([1-9][0-9]*\) .*/\1/p'); do echo "domain $id:"; timeout 10 /usr/lib/xen-*/bin/xenctx $id 0 | head -n 12; done
dmesg | tail -n 10; xl dmesg | tail -n 10
`

// finish ends the connection; after a failure it first tells where things stand and saves the logs.
func (h *Host) finish(t testing.TB) {
	defer h.client.Close()
	if !t.Failed() {
		return
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), time.Minute,
		errors.New("dom0 says nothing for a minute"))
	defer cancel()
	now, err := h.Run(ctx, state)
	t.Logf("dom0 now: %v\n%s", err, now)
	ends, err := h.Run(ctx, "tail -n 40 "+logs)
	t.Logf("the ends of the logs in dom0: %v\n%s", err, ends)
	whole, _ := h.Run(ctx, "tail -n +1 "+logs) // what it could not read it has said above
	f, err := os.CreateTemp("", "gatehouse-dom0-*.log")
	if err != nil {
		t.Log(err)
		return
	}
	_, err = f.WriteString(whole)
	t.Logf("whole logs: %s %v", f.Name(), errors.Join(err, f.Close()))
}

// dataRoom is what the disk with a test's directory has beyond its content, in bytes: saved guests are as
// large as their memory.
const dataRoom = 768 << 20

// dataDisk makes a disk with a copy of the directory.
func dataDisk(ctx context.Context, dir, file string) error {
	size := int64(dataRoom)
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "mke2fs", "-q", "-t", "ext4", "-m", "0", "-d", dir, file,
		fmt.Sprintf("%dk", size>>10))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mke2fs of %s: %w: %s", dir, err, out)
	}
	return nil
}
