package boot

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/children"
	"github.com/gatehouse-os/gatehouse/appliance/logs"
)

// reaping runs what the real edge starts processes by.
func reaping(t *testing.T) *children.Children {
	t.Helper()
	c := children.New()
	chld := make(chan os.Signal, 1)
	signal.Notify(chld, syscall.SIGCHLD)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { c.Run(ctx, chld) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		signal.Stop(chld)
	})
	return c
}

// command runs a program of e2fsprogs by its full path.
func command(t *testing.T, c *children.Children, argv ...string) {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	child, err := c.Start(argv[0], argv, &os.ProcAttr{Files: []*os.File{null, null, os.Stderr}})
	if err != nil {
		t.Fatalf("%v (Debian package e2fsprogs)", err)
	}
	<-child.Done()
	if got := child.Exit(); got.Code != 0 {
		t.Fatalf("%v: %v", argv, got)
	}
}

// image makes a small file system with the real mke2fs.
func image(t *testing.T, c *children.Children, fstype, label string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(path, make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, c, "/sbin/mke2fs", "-q", "-F", "-t", fstype, "-L", label, path)
	return path
}

func TestSuperblockOfRealDisks(t *testing.T) {
	c := reaping(t)
	for _, fstype := range []string{"ext2", "ext3", "ext4"} {
		for _, label := range []string{"perm", "", "sixteen-letters!"} {
			sb, err := readSuperblock(image(t, c, fstype, label))
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := parseSuperblock(sb); !ok || got != (superblock{label, true, fstype != "ext2"}) {
				t.Errorf("%s labelled %q: %+v, ok %v", fstype, label, got, ok)
			}
		}
	}
}

// TestRecipes: a disk that is made as the pages say is known as /perm, has a journal, and blocks of 4096
// bytes.
func TestRecipes(t *testing.T) {
	c := reaping(t)
	recipe := regexp.MustCompile(`(mkfs\.ext4|mke2fs)((?: -[a-zA-Z]+(?: [a-z0-9]+)?)+) (?:/dev/|%)`)
	found := 0
	for _, page := range []string{"docs/xen.md", "docs/operations.md", "image/xen/config.go"} {
		text, err := os.ReadFile("../../" + page)
		if err != nil {
			t.Fatal(err)
		}
		for _, words := range recipe.FindAllSubmatch(text, -1) {
			found++
			path := filepath.Join(t.TempDir(), "perm")
			command(t, c, append(append([]string{"/sbin/" + string(words[1]), "-q"}, strings.Fields(string(words[2]))...), path, "16M")...)
			sb, err := readSuperblock(path)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := parseSuperblock(sb)
			if block := 1024 << binary.LittleEndian.Uint32(sb[0x18:]); !ok || got != (superblock{permLabel, true, true}) || block != 4096 {
				t.Errorf("%s, %s: %+v, blocks of %d bytes", page, words[0], got, block)
			}
		}
	}
	if found < 3 {
		t.Errorf("%d recipes were found, want 3", found)
	}
}

func TestSuperblockState(t *testing.T) {
	sb := make([]byte, superblockSize)
	binary.LittleEndian.PutUint16(sb[offMagic:], extMagic)
	for _, c := range []struct {
		state    uint16
		incompat uint32
		clean    bool
	}{
		{stateValid, 0, true},
		{stateValid, 0x2 /* FILETYPE */, true},
		{0, 0, false},
		{stateErrors, 0, false},
		{stateValid | stateErrors, 0, false},
		{stateValid, incompatRecover, false},
	} {
		binary.LittleEndian.PutUint16(sb[offState:], c.state)
		binary.LittleEndian.PutUint32(sb[offIncompat:], c.incompat)
		if got, ok := parseSuperblock(sb); got.clean != c.clean || !ok {
			t.Errorf("state %#x, incompat %#x: clean %v, ok %v", c.state, c.incompat, got.clean, ok)
		}
	}
	for _, not := range [][]byte{nil, sb[:superblockSize-1], make([]byte, superblockSize)} {
		if _, ok := parseSuperblock(not); ok {
			t.Errorf("%d bytes pass for a superblock", len(not))
		}
	}
}

func FuzzSuperblock(f *testing.F) {
	f.Add(bytes.Repeat([]byte{0x53, 0xef}, 512))
	f.Fuzz(func(t *testing.T, sb []byte) {
		if got, ok := parseSuperblock(sb); len(got.label) > labelSize || !ok && got != (superblock{}) {
			t.Errorf("%+v %v", got, ok)
		}
	})
}

// The real e2fsck and what boot makes of its exit status.
func TestFsck(t *testing.T) {
	c := reaping(t)
	good := image(t, c, "ext2", "perm")
	damaged := image(t, c, "ext2", "perm")
	command(t, c, "/sbin/debugfs", "-w", "-R", "set_super_value free_blocks_count 7", damaged)
	command(t, c, "/sbin/debugfs", "-w", "-R", "set_super_value state 0", damaged)
	garbage := filepath.Join(t.TempDir(), "garbage")
	if err := os.WriteFile(garbage, bytes.Repeat([]byte("x"), 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	log := logs.New(Uptime)
	b := &boot{Config: Config{OS: Linux(c), Log: log}}
	for _, f := range []struct {
		device string
		status int
		err    string // "": none
	}{
		{good, 0, ""},
		{damaged, fsckRepaired, ""},
		{damaged, 0, ""}, // now in order
		{garbage, 8, "e2fsck could not repair " + garbage + " (exit status 8)"},
	} {
		status, err := b.fsck(t.Context(), f.device)
		if status != f.status || (err == nil) != (f.err == "") || err != nil && !strings.HasPrefix(err.Error(), f.err) {
			t.Errorf("fsck = %d, %v; want %d, %s", status, err, f.status, f.err)
		}
	}
	if len(log.Last(fsckName, 100)) < 4 {
		t.Errorf("e2fsck's words are not in the log: %v", log.Last("", 100))
	}
}

func TestSplitOptions(t *testing.T) {
	for options, want := range map[string]struct {
		flags uintptr
		data  string
	}{
		"":                                      {0, ""},
		"nosuid,nodev,noexec,mode=0755,size=8m": {unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, "mode=0755,size=8m"},
		"rw,noatime,errors=remount-ro":          {unix.MS_NOATIME, "errors=remount-ro"},
		"remount,bind,ro,noatime":               {unix.MS_REMOUNT | unix.MS_BIND | unix.MS_RDONLY | unix.MS_NOATIME, ""},
		"remount,ro":                            {unix.MS_REMOUNT | unix.MS_RDONLY, ""},
		"nosuid,noexec,gid=5,mode=0620,ptmxmode=0666": {unix.MS_NOSUID | unix.MS_NOEXEC, "gid=5,mode=0620,ptmxmode=0666"},
	} {
		if flags, data := splitOptions(options); flags != want.flags || data != want.data {
			t.Errorf("%s: %#x %q, want %#x %q", options, flags, data, want.flags, want.data)
		}
	}
}

// A word that is meant as a flag and is not known would reach the kernel as data
// and make the mount fail.
func TestEveryOptionIsKnown(t *testing.T) {
	for _, m := range append(kernelMounts(), permOnRoot()...) {
		_, data := splitOptions(m.Options)
		for _, o := range strings.Split(data, ",") {
			if o != "" && !strings.Contains(o, "=") {
				t.Errorf("%s: %q is no flag", m.Target, o)
			}
		}
	}
}

func TestMakeDir(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("this test must run as root: it gives a directory away")
	}
	base := t.TempDir()
	os_ := Linux(nil)
	dir := Dir{Path: filepath.Join(base, "dhcp"), Mode: 0o700, UID: 101, GID: 102}
	for range 2 { // the second finds it
		if err := os_.MakeDir(dir); err != nil {
			t.Fatal(err)
		}
		var st unix.Stat_t
		if err := unix.Stat(dir.Path, &st); err != nil || st.Mode != unix.S_IFDIR|0o700 || st.Uid != 101 || st.Gid != 102 {
			t.Errorf("made %o %d:%d, %v", st.Mode, st.Uid, st.Gid, err)
		}
		os.Chmod(dir.Path, 0o777)
	}
	link := filepath.Join(base, "link")
	if err := os.Symlink("/etc", link); err != nil {
		t.Fatal(err)
	}
	if err := os_.MakeDir(Dir{Path: link, Mode: 0o777}); !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, syscall.ELOOP) {
		t.Errorf("a link in the way: %v", err)
	}
	if err := os_.MakeDir(Dir{Path: filepath.Join(base, "a/b"), Mode: 0o700}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing parent: %v", err)
	}
}

// Only PID 1 may: these must do nothing here.
func TestEndIsForPID1(t *testing.T) {
	os_ := Linux(nil)
	os_.EndAll(0)
	for _, k := range []Kind{PowerOff, Reboot, Halt} {
		if err := os_.Power(k); err == nil {
			t.Errorf("%s succeeded", k)
		}
	}
}

func TestRequest(t *testing.T) {
	if err := Request("explode"); err == nil || !strings.Contains(err.Error(), "want poweroff, reboot or halt") {
		t.Errorf("%v", err)
	}
	seen := map[os.Signal]bool{}
	for _, s := range RequestSignals() {
		if seen[s] {
			t.Errorf("%v means two things", s)
		}
		seen[s] = true
	}
}

func TestParseCommandLine(t *testing.T) {
	for text, want := range map[string]commandLine{
		"":                                  {},
		"root=/dev/xvda ro console=hvc0\n":  {},
		"root=/dev/xvda ro single":          {single: true},
		"gatehouse.perm=disk quiet":         {permDisk: true},
		"ro gatehouse.watchdog=30 single":   {single: true, watchdog: "30"},
		"gatehouse.watchdog=off\n":          {watchdog: "off"},
		"singles rd.single gatehouse.perm=": {},
	} {
		if got := parseCommandLine(text); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

func TestChoosePerm(t *testing.T) {
	root := Device{Path: "/dev/xvda", Root: true, Label: "perm"} // its label does not matter
	perm := Device{Path: "/dev/xvdb", Label: "perm"}
	for name, c := range map[string]struct {
		devices []Device
		must    bool
		want    string // path, "" for none
		err     string
	}{
		"own disk":       {devices: []Device{root, {Path: "/dev/xvdc", Label: "data"}, perm}, want: "/dev/xvdb"},
		"none":           {devices: []Device{root, {Path: "/dev/xvdc", Label: "permanent"}}},
		"none, but must": {devices: []Device{root}, must: true, err: "gatehouse.perm=disk"},
		"two":            {devices: []Device{perm, perm}, err: "several disks"},
		"read-only":      {devices: []Device{{Path: "/dev/xvdb", Label: "perm", ReadOnly: true}}, err: "attach it read-write"},
	} {
		got, err := choosePerm(c.devices, c.must)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, want %q", name, err, c.err)
		}
		path := ""
		if got != nil {
			path = got.Path
		}
		if path != c.want {
			t.Errorf("%s: %q, want %q", name, path, c.want)
		}
	}
}

func TestMachineIDAndHostKey(t *testing.T) {
	id, err := MachineID()
	if err != nil || !regexp.MustCompile(`^[0-9a-f]{32}\n$`).Match(id) {
		t.Errorf("machine id %q, %v", id, err)
	}
	key, err := HostKey()
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(key)
	if err != nil || signer.PublicKey().Type() != ssh.KeyAlgoED25519 {
		t.Errorf("host key: %v\n%s", err, key)
	}
	if got := Fingerprint(key); got != ssh.FingerprintSHA256(signer.PublicKey()) {
		t.Errorf("its fingerprint is %s", got)
	}
	ula, err := ULA()
	if p, parse := netip.ParsePrefix(strings.TrimSpace(string(ula))); err != nil || parse != nil || p != p.Masked() ||
		p.Bits() != 48 || p.Addr().As16()[0] != 0xfd {
		t.Errorf("ULA: %q, %v, want a /48 of fd00::/8", ula, err)
	}
	if other, _ := ULA(); string(other) == string(ula) {
		t.Errorf("ULA makes %q twice", ula)
	}
	id2, _ := MachineID()
	key2, _ := HostKey()
	if bytes.Equal(id, id2) || bytes.Equal(key, key2) {
		t.Error("twice the same")
	}
}

func TestUptime(t *testing.T) {
	a := Uptime()
	time.Sleep(time.Millisecond)
	if b := Uptime(); a <= 0 || b <= a {
		t.Errorf("uptime %v, then %v", a, b)
	}
}

func TestTermOf(t *testing.T) {
	for tty, want := range map[string]string{"/dev/hvc0": "vt220", "/dev/ttyS0": "vt220", "/dev/tty1": "linux", "/dev/tty": "vt220"} {
		if got := termOf(tty); got != want {
			t.Errorf("%s: %s", tty, got)
		}
	}
}
