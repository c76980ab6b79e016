package ethernet

import (
	"encoding/json"
	"testing"
)

func TestMACText(t *testing.T) {
	var m MAC
	if err := json.Unmarshal([]byte(`"00:00:5E:00:53:2f"`), &m); err != nil || m.String() != "00:00:5e:00:53:2f" {
		t.Errorf("%v %v", m, err)
	}
	for _, bad := range []string{"", "00:00:5e:00:53", "00-00-5e-00-53-2f", "00:00:5e:00:53:2g", "00:00:5e:00:53:2f:"} {
		if m.UnmarshalText([]byte(bad)) == nil {
			t.Errorf("%q was read", bad)
		}
	}
	if (MAC{}).IsUnicast() || (MAC{1}).IsUnicast() || !(MAC{0x02, 5: 1}).IsUnicast() {
		t.Error("IsUnicast")
	}
}
