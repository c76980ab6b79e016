ssh-keyscan -p $P 127.0.0.1 2> said | sort; sort -u said | cut -c1-30; rm said
ssh-keyscan -t ed25519 -p $P 127.0.0.1
ssh-keyscan -t rsa,ed25519 -p $P 127.0.0.1 | sort
ssh-keyscan -t rsa -p $D 127.0.0.1
ssh-keyscan -H -t ed25519 -p $P 127.0.0.1 > k; /usr/bin/ssh-keygen -F "[127.0.0.1]:$P" -f k | sed 's/|1|[^ ]*/HASH/'; rm k
ssh-keyscan -t ecdsa -p $P 127.0.0.1
echo 127.0.0.1 > h; ssh-keyscan -t ed25519 -p $P -f h
echo 127.0.0.1 | ssh-keyscan -t ed25519 -p $P -f -
~ a host that is not there is told
ssh-keyscan -T 1 -p 1 127.0.0.1
ssh-keyscan -T 1 -p 1 127.0.0.1 2> said; echo $?; rm said
ssh-keyscan -T 1 -p 1 127.0.0.1 127.0.0.2 2> said; echo $?; rm said
ssh-keyscan
~ a wrong call is status 1 with all options
ssh-keyscan -t nosuch 127.0.0.1
ssh-keyscan -p x 127.0.0.1
