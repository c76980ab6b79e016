package machine

import (
	"os"
	"testing"
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
