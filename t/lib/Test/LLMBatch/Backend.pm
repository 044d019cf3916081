package Test::LLMBatch::Backend;

# Copyright (C) The ngx_http_llm_batch_module authors

# A server for the tests: one process with a select loop, that records calls
# and answers them, right or in any wrong way.  What a right answer is, the APIs
# in Server/ know.  How a call is answered is a hash; t/README lists its members.

use v5.36;

use IO::Compress::Gzip qw/ gzip /;
use IO::Select;
use IO::Socket::INET;
use List::Util qw/ max min sum0 /;
use POSIX qw/ WNOHANG /;
use Socket qw/ :DEFAULT IPPROTO_TCP TCP_NODELAY /;
use Time::HiRes qw/ time /;

use Test::LLMBatch::JSON;
use Test::LLMBatch::Server;

# in the test

sub new($class, %o) {
	my $self = bless { as => '', script => {}, seen => 0, test => $$, %o },
		$class;

	$self->{log} = "$o{dir}/calls.$o{port}";
	open my $fh, '>', $self->{log} or die "open $self->{log}: $!";

	$Test::LLMBatch::Server::as = $self->{as};

	return $self->start();
}

# after stop() connections are refused, until it is started again

sub start($self) {
	my $listen = IO::Socket::INET->new(
		LocalAddr => $self->{addr}, LocalPort => $self->{port},
		Listen => 1024, ReuseAddr => 1)
		or die "backend: bind $self->{addr}:$self->{port}: $!";

	defined($self->{pid} = fork()) or die "fork: $!";

	if ($self->{pid} == 0) {
		$SIG{PIPE} = 'IGNORE';
		$SIG{TERM} = 'DEFAULT';
		eval { $self->_serve($listen) };
		print STDERR "backend: $@";
		POSIX::_exit(1);
	}

	return $self;
}

sub stop($self) {
	return unless $self->{pid} and $$ == $self->{test};

	kill 'KILL', $self->{pid};
	waitpid delete $self->{pid}, 0;
}

sub died($self) {
	return $self->{pid} && waitpid($self->{pid}, WNOHANG) != 0;
}

# the calls since the last reset(), in order of arrival

sub calls($self) {
	open my $fh, '<', $self->{log} or die "open $self->{log}: $!";
	seek $fh, $self->{seen}, 0;
	return map { decode_json($_) } grep { /\n\z/ } <$fh>;
}

# how many; quicker than to read them

sub count($self) {
	open my $fh, '<', $self->{log} or die "open $self->{log}: $!";
	seek $fh, $self->{seen}, 0;
	return scalar grep { /\n\z/ } <$fh>;
}

sub items($self) { return sum0 map { $_->{items} } $self->calls() }

# which of the servers that speak an API it is, until the next as(); this is
# also whose answers the test takes for right

sub as($self, $name) {
	$self->{as} = $Test::LLMBatch::Server::as = $name;
	return $self->_control(as => $name);
}

# from now on; until the next script()

sub script($self, %how) { return $self->_control(script => \%how) }

# the next calls, one hash each

sub next($self, @how) { return $self->_control(next => \@how) }

# answer what "hold" keeps back

sub release($self) { return $self->_control(release => 1) }

sub reset($self) {
	$self->_control(reset => 1);
	$self->{seen} = -s $self->{log};
	return $self;
}

sub _control($self, $op, $value) {
	my $s = IO::Socket::INET->new(PeerAddr => $self->{addr},
		PeerPort => $self->{port}, Timeout => 5) or die "backend: $!";
	my $body = encode_json([ $op, $value ]);

	print $s "POST /_control HTTP/1.0\r\nContent-Length: "
		. length($body) . "\r\n\r\n$body";

	<$s> // die 'backend: no answer to control request';

	return $self;
}


# in the process of the server

sub _serve($self, $listen) {
	open $self->{out}, '>>', $self->{log} or die "open: $!";
	$self->{out}->autoflush(1);
	$self->{initial} = $self->{script};

	my ($rd, $wr) = (IO::Select->new($listen), IO::Select->new());
	my ($conn, $id) = ({}, 0);
	@$self{qw/ rd wr conn timers held next busy /}
		= ($rd, $wr, $conn, [], [], [], 0);

	while (1) {
		my $wait = min map { $_->[0] } @{$self->{timers}};

		my ($r, $w) = IO::Select->select($rd, $wr, undef,
			defined $wait ? max(0, $wait - time()) : undef);

		for my $s (@{$r // []}) {
			if ($s == $listen) {
				my $new = $listen->accept() or next;
				$new->blocking(0);
				setsockopt $new, IPPROTO_TCP, TCP_NODELAY, 1;
				$rd->add($new);
				$conn->{$new} = { s => $new, id => ++$id,
					in => '', plan => [] };
				next;
			}

			$self->_read($conn->{$s}) if $conn->{$s};
		}

		for my $s (@{$w // []}) {
			$self->_write($conn->{$s}) if $conn->{$s};
		}

		my $now = time();
		my @due = grep { $_->[0] <= $now } @{$self->{timers}};
		@{$self->{timers}} = grep { $_->[0] > $now } @{$self->{timers}};
		$wr->add($_->[1]{s}) for grep { $_->[1]{s} } @due;
	}
}

sub _close($self, $c, $reset = 0) {
	my $s = $c->{s};

	$self->{$_}->remove($s) for qw/ rd wr /;
	delete $self->{conn}{$s};
	$c->{s} = undef;
	setsockopt $s, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0) if $reset;
	close $s;
}

sub _read($self, $c) {
	my $n = sysread $c->{s}, $c->{in}, 262144, length $c->{in};

	return if !defined $n and $!{EAGAIN};
	return $self->_close($c) unless $n;

	$self->_parse($c);
}

sub _parse($self, $c) {
	return if $c->{busy};

	if (!$c->{head}) {
		$c->{in} =~ s/\A(.*?\r\n)\r\n//s or return;

		my ($line, @h) = split /\r\n/, $1;
		my %h;

		for (@h) {
			my ($name, $value) = /^(.*?):\s*(.*)/ or next;
			$name = lc $name;
			$h{$name} = exists $h{$name}
				? "$h{$name}, $value" : $value;
		}

		my ($method, $uri, $version) = split / /, $line;
		$c->{head} = { method => $method, uri => $uri,
			version => $version, headers => \%h,
			conn => $c->{id}, time => time(), body => '' };
	}

	my $call = $c->{head};
	my $length = $call->{headers}{'content-length'} // 0;

	if (($call->{headers}{'transfer-encoding'} // '') eq 'chunked') {
		while (1) {
			$c->{in} =~ /\A([0-9a-fA-F]+)\r\n/ or return;
			my ($len, $skip) = (hex $1, $+[0]);
			return if length $c->{in} < $skip + $len + 2;
			$call->{body} .= substr $c->{in}, $skip, $len;
			substr $c->{in}, 0, $skip + $len + 2, '';
			last if $len == 0;
		}

	} else {
		return if length $c->{in} < $length;
		$call->{body} = substr $c->{in}, 0, $length, '';
	}

	$c->{head} = undef;
	$c->{busy} = 1;
	$self->_call($c, $call);
}

sub _call($self, $c, $call) {
	return $self->_obey($c, $call) if $call->{uri} eq '/_control';

	my $server = Test::LLMBatch::Server::of($call->{uri}, $self->{as});
	my $request = eval { decode_json($call->{body}) };
	my @items = $server ? $server->items($request) : ();

	$call->{items} = @items;
	$call->{inflight} = grep { $_->{busy} } values %{$self->{conn}};

	my $script = $self->{code} ? $self->{code}->($call) : undef;
	my $how = shift @{$self->{next}};

	$how = { %{$self->{script}}, %{$script // {}}, %{$how // {}} };
	$how = { %$how, %{$how->{many}} } if $how->{many} and @items > 1;
	$server->{as} = $how->{as} if $server and defined $how->{as};

	$c->{version} = $call->{version};
	$c->{max} = $how->{bytewise} ? 1 : 1 << 20;
	$c->{close} = $call->{version} eq 'HTTP/1.0'
		|| ($call->{headers}{connection} // '') eq 'close'
		|| !($how->{keepalive} // 1) || $how->{silent};
	$c->{plan} = _plan($c, $how, _answer($how, $server, $request,
		length $call->{body}));

	$call->{body} = undef if length $call->{body} > 262144;
	print {$self->{out}} encode_json($call), "\n";

	if ($how->{hold}) {
		push @{$self->{held}}, $c;
		return;
	}

	my $now = time();

	# calls that cost nothing but their items are not worth merging, and the
	# module would find out

	my $at = $now + ($how->{delay} // 0.002);

	if (my $cost = $how->{serial}) {
		$at = max($at, $self->{busy})
			+ ($cost->[0] + $cost->[1] * @items) / 1000;
		$self->{busy} = $at;
	}

	return push @{$self->{timers}}, [ $at, $c ] if $at > $now;
	$self->{wr}->add($c->{s});
}

sub _obey($self, $c, $call) {
	my ($op, $value) = @{decode_json($call->{body})};

	if ($op eq 'script' or $op eq 'as') {
		$self->{$op} = $value;

	} elsif ($op eq 'next') {
		push @{$self->{next}}, @$value;

	} elsif ($op eq 'reset') {
		@$self{qw/ script next /} = ($self->{initial}, []);
	}

	if ($op eq 'release' or $op eq 'reset') {
		$self->{wr}->add($_->{s})
			for grep { $_->{s} } splice @{$self->{held}};
	}

	@$c{qw/ close max plan /} = (1, 1024, [ "HTTP/1.0 200 OK\r\n\r\n" ]);
	$self->{wr}->add($c->{s});
}

# status, type, body and headers of the answer

sub _answer($how, $server, $request, $size) {
	my $status = $how->{status} // 200;
	my $type = 'application/json';

	return $status, $how->{type} // $type, $how->{body}, {}
		if defined $how->{body};
	return 200, 'text/html', "<html>\n", {} if $how->{junk};
	return 413, 'text/html', "<html>Request Entity Too Large</html>\n", {}
		if $size > ($how->{max_bytes} // $size);
	return $status, $type, ($server || 'Test::LLMBatch::Server')
		->error($status, "status $status"), {} if $status != 200;
	return 200, $type, '{"mock":"no format"}', {} if !$server;

	($status, my ($body, $headers)) = $server->reply($request, $how);

	return $status, $type, $body, $headers;
}

# what is to be written, in order: text, { pad => bytes } or { then => what }

sub _plan($c, $how, $status, $type, $body, $headers) {
	my $fault = $how->{fault} // '';
	my %h = ('content-type' => $type, %$headers,
		map { lc $_ => $how->{headers}{$_} } keys %{$how->{headers}});
	my $pad = max(0, ($how->{size} // 0) - length $body);
	my $tail = $pad ? chop $body : '';
	$body .= ' ' x 8192 if $fault eq 'stall_full';
	my $length = $pad + length $body . $tail;

	if ($how->{gzip}) {
		gzip \ (my $plain = $body), \$body;
		$h{'content-encoding'} = 'gzip';
		$length = length $body;
	}

	$how->{chunked} = 1 if $fault eq 'cut_chunked';

	if ($how->{chunked} and $c->{version} ne 'HTTP/1.0') {
		$h{'transfer-encoding'} = 'chunked';
		$body = sprintf "%x\r\n%s\r\n", length $body, $body;
		$body .= sprintf "%x\r\n", $pad + 1 if $pad;
		$tail .= ($pad ? "\r\n" : '') . "0\r\n\r\n";

	} elsif (!$how->{chunked}) {
		$h{'content-length'} = $length;
	}

	$h{'connection'} = 'close' if $c->{close} and !$how->{silent};

	my $head = "HTTP/1.1 $status Mock\r\n";

	for my $name (sort keys %h) {
		$head .= "$name: $_\r\n"
			for ref $h{$name} ? @{$h{$name}} : $h{$name};
	}

	my $half = substr $body, 0, length($body) / 2;
	my $end = sub ($what) { return { then => $what } };

	return [ $end->('close') ] if $fault eq 'close';
	return [ $end->('reset') ] if $fault eq 'reset';
	return [ $end->('stall') ] if $fault eq 'stall';
	return [ "$head\r\n", $end->('reset') ] if $fault eq 'reset_header';
	return [ "$head\r\n$half", $end->('reset') ] if $fault eq 'reset_body';
	return [ "$head\r\n$half", $end->('stall') ] if $fault eq 'stall_body';
	return [ substr("$head\r\n$body", 0, 4096), $end->('stall') ]
		if $fault eq 'stall_full';
	return [ "$head\r\n$half", $end->('close') ] if $fault =~ /^cut/;

	return [ "$head\r\n$body", { pad => $pad }, $tail ];
}

sub _write($self, $c) {
	my $plan = $c->{plan};

	while (@$plan) {
		my $step = $plan->[0];

		if (ref $step and $step->{then}) {
			return $self->{wr}->remove($c->{s})
				if $step->{then} eq 'stall';
			return $self->_close($c, $step->{then} eq 'reset');
		}

		if (ref $step) {
			my $n = min($step->{pad}, 1 << 18);
			$step->{pad} -= $n;
			shift @$plan if $step->{pad} == 0;
			unshift @$plan, ' ' x $n;
			next;
		}

		if ($step eq '') {
			shift @$plan;
			next;
		}

		my $n = syswrite $c->{s}, $step, $c->{max};

		return if !defined $n and $!{EAGAIN};
		return $self->_close($c) unless defined $n;

		substr $plan->[0], 0, $n, '';
		return if length $plan->[0];
	}

	return $self->_close($c) if $c->{close};

	$self->{wr}->remove($c->{s});
	$c->{busy} = 0;
	$self->_parse($c);
}

sub DESTROY($self) {
	local $?;
	$self->stop();
}

1;
