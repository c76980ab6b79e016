package machine

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

func TestPlatform(t *testing.T) {
	tests := []struct {
		want  string
		files map[string]string
	}{
		{"Xen PVH", map[string]string{"/sys/hypervisor/type": "xen\n", "/sys/hypervisor/guest_type": "PVH\n"}},
		{"Xen", map[string]string{"/sys/hypervisor/type": "xen\n"}},
		{"QEMU", map[string]string{"/sys/firmware/acpi/tables/FACP": "FACP\xf4\x00\x00\x00\x03\x05BOCHS BXPC    "}},
		{"VBOX", map[string]string{"/sys/firmware/acpi/tables/FACP": "FACP\xf4\x00\x00\x00\x03\x05VBOX  VBOXFACP"}},
		{"unknown machine", map[string]string{"/sys/firmware/acpi/tables/FACP": "FACP"}},
		{"unknown machine", nil},
	}
	for _, tt := range tests {
		got := platform(func(path string) ([]byte, error) {
			if text, ok := tt.files[path]; ok {
				return []byte(text), nil
			}
			return nil, os.ErrNotExist
		})
		if got != tt.want {
			t.Errorf("%v: %q, want %q", tt.files, got, tt.want)
		}
	}
}

func TestParse(t *testing.T) {
	const meminfo = "MemTotal:          98304 kB\nMemFree:            1024 kB\nMemAvailable:      61440 kB\nHugePages_Total:       0\n"
	if m, err := parseMemory(meminfo); err != nil || m != (Memory{96 << 20, 60 << 20}) {
		t.Errorf("memory: %+v, %v", m, err)
	}
	if d, err := parseUptime("273600.25 1000.00\n"); err != nil || d != 76*time.Hour+250*time.Millisecond {
		t.Errorf("uptime: %v, %v", d, err)
	}
	if l, err := parseLoad("0.08 0.03 12.50 1/64 1234\n"); err != nil || l != [3]float64{0.08, 0.03, 12.5} {
		t.Errorf("load: %v, %v", l, err)
	}
	for _, text := range []string{"", "\n", "none\n"} {
		_, err1 := parseMemory(text)
		_, err2 := parseUptime(text)
		_, err3 := parseLoad(text)
		if err1 == nil || err2 == nil || err3 == nil {
			t.Errorf("%q: %v, %v, %v: want errors", text, err1, err2, err3)
		}
	}
}

func TestFull(t *testing.T) {
	for _, tt := range []struct {
		disk Disk
		want float64
	}{
		{Disk{}, 0},
		{Disk{Size: 100, Free: 25}, 0.75},
		{Disk{Size: 100, Free: 25, Files: 100, FilesFree: 0}, 1},
		{Disk{Size: 100, Free: 0, Files: 100, FilesFree: 100}, 1},
		{Disk{Size: 100, Free: 200}, 0},
	} {
		if got := tt.disk.Full(); got != tt.want {
			t.Errorf("%+v is %v full, want %v", tt.disk, got, tt.want)
		}
	}
}

// TestRead asks this machine, and compares with what others say of it.
func TestRead(t *testing.T) {
	f, err := Read("/", "/proc", t.TempDir()+"/nosuch")
	if err != nil {
		t.Fatal(err)
	}
	testnet.Need(t, "df", "coreutils")
	out, err := exec.Command("df", "-B1", "--output=avail,itotal,pcent", "/").Output()
	if err != nil {
		t.Fatal(err)
	}
	var avail, files, percent uint64
	_, numbers, _ := strings.Cut(string(out), "\n")
	if _, err := fmt.Sscanf(numbers, "%d %d %d%%", &avail, &files, &percent); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	name, err := os.Hostname()
	if len(f.Disks) != 2 || f.Name != name || err != nil {
		t.Fatalf("disks %+v, name %q, want %q, %v", f.Disks, f.Name, name, err)
	}
	const gib = 1 << 30 // others write meanwhile
	root := f.Disks[0]
	if full := 100 * share(root.Size, root.Free); math.Abs(float64(root.Free)-float64(avail)) > gib || root.Files != files ||
		math.Abs(full-float64(percent)) > 2 {
		t.Errorf("/ is %.1f%% full: %+v; df says %s", full, root, out)
	}
	if f.Uptime <= 0 || f.CPUs < 1 || f.Memory.Total < f.Memory.Available || f.Memory.Available == 0 || !strings.HasPrefix(f.Kernel, "Linux ") {
		t.Errorf("%+v", f)
	}
	if d := time.Since(f.Clock.Time); d < 0 || d > time.Minute || f.Clock.Source == "" {
		t.Errorf("the clock is %+v", f.Clock)
	}
}
