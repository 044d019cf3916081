package Test::LLMBatch::Client;

# Copyright (C) The ngx_http_llm_batch_module authors

# Many HTTP clients in one event loop.  All requests are written before any
# answer is read, unless a request says otherwise; t/README lists what it may
# say.

use v5.36;

use Errno qw/ EAGAIN ECONNRESET EPIPE /;
use IO::Select;
use IO::Socket::IP;
use IO::Socket::UNIX;
use List::Util qw/ max min /;
use Socket qw/ :DEFAULT IPPROTO_TCP TCP_NODELAY /;
use Time::HiRes qw/ time /;

use Test::LLMBatch::JSON;

# a server may close while a request is being written
$SIG{PIPE} = 'IGNORE';

# wanted: addr, port, or path of a socket; home => address of other ports;
# from => address of one's own;
# tls => 1, or { more for IO::Socket::SSL }; timeout bounds everything one call
# below does

sub new($class, %o) {
	return bless { timeout => 10, slow => 1, %o }, $class;
}

# one exchange; the same n times, its body made by a function of 0 .. n - 1

sub request($self, $request) {
	return ($self->finish($self->start($request)))[0];
}

sub burst($self, $n, $uri, $body, %o) {
	return $self->finish($self->start(map {
		my $value = $body;
		$value = $body->($_) if ref $body eq 'CODE';
		{ uri => $uri, body => $value, %o };
	} 0 .. $n - 1));
}

# opens connections and writes; the answers come from finish()

sub start($self, @requests) {
	my @conns = map { $_->{conn} // $self->connect() } @requests;

	for my $i (0 .. $#conns) {
		_begin($conns[$i], $requests[$i]);
	}

	$self->_write($_) for @conns;

	return \@conns;
}

sub finish($self, $conns, %o) {
	$self->_loop($conns, $o{timeout} // $self->{timeout}, sub {});
	_show($_->{response}) for @$conns;
	return map { $_->{response} } @$conns;
}

sub _show($response) {
	return unless $ENV{TEST_NGINX_VERBOSE};
	Test::More::note(join "\n", "--- $response->{request}{uri}",
		substr($response->{sent} // '', 0, 1000),
		'--- ' . ($response->{error} || $response->{head}),
		substr($response->{body} // '', 0, 1000));
}

# lets them write (and read) what goes without waiting

sub pump($self, $conns) {
	$self->_turn([ grep { !$_->{done} } @$conns ], time(), 0);
}

# closes connections whose answers have not come

sub abort($self, $conns) {
	_end($_, 'aborted') for grep { !$_->{done} } @$conns;
}

# a connection, for the member "conn" of requests

sub connect($self, %o) {
	my $c = { in => '', out => '', done => 1 };
	my $path = $o{port} ? undef : $self->{path};

	$c->{sock} = $path ? IO::Socket::UNIX->new(Peer => $path)
		: IO::Socket::IP->new(
			PeerHost => $o{port} && $self->{home} || $self->{addr},
			PeerPort => $o{port} // $self->{port}, Timeout => 5,
			$self->{from} ? (LocalHost => $self->{from}) : ());

	return $c unless $c->{sock};

	setsockopt $c->{sock}, IPPROTO_TCP, TCP_NODELAY, 1 unless $path;
	_start_tls($c, $self->{tls}) if $self->{tls} and !$o{port};
	$c->{sock}->blocking(0) if $c->{sock};

	return $c;
}

# a context takes much longer to make than a connection

my %contexts;

sub _start_tls($c, $more) {
	$c->{tls} = 1;

	my %o = (SSL_verify_mode => 0, ref $more ? %$more : ());
	my $id = join ' ', %o{sort keys %o};

	require IO::Socket::SSL;
	$contexts{$id} //= IO::Socket::SSL::SSL_Context->new(%o);

	$c->{sock}->blocking(1);
	$c->{sock} = IO::Socket::SSL->start_SSL($c->{sock}, Timeout => 5,
		SSL_reuse_ctx => $contexts{$id});
}

#
# clients => K, requests => M, uri, body => sub ($i) {...}, check => sub
# ($response) { what is wrong with it or '' }, every => [ seconds, sub ],
# keepalive => 0 takes a new connection for each request.
#
# With keepalive each connection asks /pid first, so the worker of a request
# is known even if there is no answer.  Returns
#   ok       number of right answers
#   wrong    [ responses with "problem" ]
#   lost     [ responses ]: the connection ended with no byte of an answer, or
#            there was none
#   workers  { pid => number of answers }
#

sub load($self, %o) {
	my ($started, $keep) = (0, $o{keepalive} // 1);
	my %r = (ok => 0, wrong => [], lost => [], workers => {});
	my @conns = map { $self->connect() } 1 .. $o{clients};

	# one that gets no connection is told at once: the loop sees only those
	# that have begun; a worker that dies may cut a handshake of TLS

	my $next = sub ($c) {
		my $tries = 0;

		while ($started < $o{requests}) {
			my $ask = $keep && !$c->{worker} && $tries++ < 100;
			my $i = $ask ? undef : $started++;

			_begin($c, $ask ? { uri => '/pid', method => 'GET' }
				: { uri => $o{uri}, body => $o{body}->($i),
					headers => $o{headers} // {},
					keepalive => $keep });
			return unless $c->{done};

			_judge(\%r, $c->{response}, '', $o{check})
				unless $ask;
			%$c = %{$self->connect()};
		}
	};

	my $done = sub ($c) {
		my $response = $c->{response};

		if ($response->{request}{uri} eq '/pid') {
			$c->{worker} = $response->{body};
		} else {
			_judge(\%r, $response, $c->{worker}, $o{check});
		}

		if ($response->{error} or $response->{close}) {
			%$c = %{$self->connect()};
		}

		$next->($c);
	};

	$next->($_) for @conns;
	$self->_loop(\@conns, $o{timeout} // 30, $done, $o{every});

	# those whose time has run out

	_judge(\%r, $_->{response}, $_->{worker}, $o{check})
		for grep { ($_->{response}{error} // '') eq 'timeout'
			and $_->{response}{request}{uri} ne '/pid' } @conns;

	return \%r;
}

sub _judge($r, $response, $worker, $check) {
	$response->{worker} = $worker || $response->{headers}{'x-worker'};

	if ($response->{error} and !$response->{bytes}
		and $response->{error} ne 'timeout')
	{
		return push @{$r->{lost}}, $response;
	}

	$response->{problem} = $response->{error} || $check->($response);

	return push @{$r->{wrong}}, $response if $response->{problem};

	$r->{workers}{$response->{worker} // ''}++;
	$r->{ok}++;
}

sub _begin($c, $request) {
	my $body = $request->{body};
	my $version = $request->{version} // '1.1';
	my $headers = $request->{headers} // {};
	my @h = ref $headers eq 'ARRAY' ? @$headers : %$headers;
	my %has = map { lc($_ // '') => 1 } @h;

	$body = encode_json($body) if ref $body;
	my $sent = $body;

	unshift @h, 'Host', 'localhost' unless $has{host};
	push @h, 'Content-Type', 'application/json'
		if defined $body and !$has{'content-type'};
	push @h, 'Connection', 'close'
		if !$request->{keepalive} and !$request->{conn}
			and !$has{connection} and $request->{uri} ne '/pid';
	push @h, 'Expect', '100-continue' if $request->{expect};

	if ($request->{chunked}) {
		push @h, 'Transfer-Encoding', 'chunked';
		$body = join('', map {
			sprintf "%x\r\n%s\r\n", length, $_
		} $body =~ /(.{1,7})/gs) . "0\r\n\r\n";

	} elsif (defined $body) {
		push @h, 'Content-Length', length $body;
	}

	my $method = $request->{method} // (defined $body ? 'POST' : 'GET');
	my $head = "$method $request->{uri} HTTP/$version\r\n";

	while (my ($name, $value) = splice @h, 0, 2) {
		$head .= "$name: $value\r\n" if defined $value;
	}

	$c->{out} = "$head\r\n";
	$c->{later} = $request->{expect} ? $body : '';
	$c->{out} .= $body if defined $body and !$request->{expect};

	$c->{started} = time();
	$c->{done} = 0;
	$c->{response} = { request => $request, sent => $sent, bytes => 0,
		error => '' };
	_end($c, 'connect') unless $c->{sock};
}

sub _end($c, $error = '') {
	$c->{done} = 1;
	$c->{out} = '';
	$c->{response}{error} = $error;
	$c->{response}{time} = time() - $c->{started};
	return unless $error or $c->{response}{close};
	close $c->{sock} if $c->{sock};
	$c->{sock} = undef;
}

sub _loop($self, $conns, $timeout, $done, $every = undef) {
	my $end = time() + $timeout * $self->{slow};
	my $tick = $every ? time() + $every->[0] : $end;
	my %told = map { $_ => 1 } grep { $_->{done} } @$conns;

	$done->($_) for grep { $_->{done} and $_->{response}{error} } @$conns;

	while (my @busy = grep { !$_->{done} } @$conns) {
		my $now = time();

		if ($now >= $end) {
			_end($_, 'timeout') for @busy;
			return;
		}

		if ($every and $now >= $tick) {
			$every->[1]->();
			$tick = time() + $every->[0];
		}

		$self->_turn(\@busy, $now, max(0, min($end, $tick) - $now));
		$done->($_) for grep { $_->{done} } @busy;
	}
}

# one pass over the connections that have something to do

sub _turn($self, $busy, $now, $wait) {
	my %by = map { $_->{sock} => $_ } @$busy;

	for my $c (grep { defined $_->{response}{request}{abort} } @$busy) {
		next if $c->{out} ne '';
		my $left = $c->{started} - $now
			+ $c->{response}{request}{abort};
		$wait = max(0, min($wait, $left));
		_end($c, 'aborted') if $left <= 0;
	}

	my @open = grep { !$_->{done} } @$busy;
	my ($r, $w) = IO::Select->select(
		IO::Select->new(map { $_->{sock} } @open),
		IO::Select->new(map { $_->{sock} }
			grep { $_->{out} ne '' } @open),
		undef, @open < @$busy ? 0 : $wait);

	$self->_write($by{$_}) for @{$w // []};
	$self->_read($by{$_}) for @{$r // []};
}

sub _write($self, $c) {
	return if $c->{done} or $c->{out} eq '';

	my $slow = $c->{response}{request}{slow};
	my $n = syswrite $c->{sock}, $c->{out}, $slow || length $c->{out};

	# an error shows when the answer is read, which may have come before

	if (!defined $n) {
		$c->{out} = '' unless $! == EAGAIN;
		return;
	}

	substr $c->{out}, 0, $n, '';

	shutdown $c->{sock}, 1
		if $c->{out} eq '' and $c->{response}{request}{half_close};
}

sub _read($self, $c) {
	return if $c->{done};

	my $n = sysread $c->{sock}, $c->{in}, 1 << 18, length $c->{in};

	return if !defined $n and $! == EAGAIN;
	return _end($c, $c->{tls} && !$!{ECONNRESET} ? 'closed' : 'reset')
		unless defined $n;

	# what TLS has decrypted already, select() does not know of

	while ($n and ref $c->{sock} eq 'IO::Socket::SSL'
		and $c->{sock}->pending())
	{
		$n += sysread($c->{sock}, $c->{in}, 1 << 18, length $c->{in})
			|| last;
	}

	my $response = $c->{response};
	$response->{bytes} += $n;

	while (!$response->{status}) {
		last unless $c->{in} =~ s/\A(.*?)\r\n\r\n//s;
		_head($c, $1);
	}

	return _end($c, 'closed') if $n == 0 and !$response->{status};
	return if !$response->{status};

	_body($c, $n == 0);
}

sub _head($c, $text) {
	my $response = $c->{response};
	my ($line, @h) = split /\r\n/, $text;
	my ($version, $status) = $line =~ m!^HTTP/(\S+) (\d+)!;

	if ($status == 100) {
		$response->{continued} = 1;
		$c->{out} .= delete $c->{later} // '';
		return;
	}

	$response->{status} = $status;
	$response->{head} = $text;

	for (@h) {
		my ($name, $value) = /^(.*?):\s*(.*)/ or next;
		$name = lc $name;
		push @{$response->{all}{$name}}, $value;
		$response->{headers}{$name} = $value;
	}

	$response->{headers} //= {};
	$response->{close} = $version eq '1.0'
		|| ($response->{headers}{connection} // '') =~ /close/i;
}

sub _body($c, $eof) {
	my $response = $c->{response};
	my $length = $response->{headers}{'content-length'};

	$length = 0 if $response->{status} == 204
		or $response->{status} == 304
		or ($response->{request}{method} // '') eq 'HEAD';

	if (($response->{headers}{'transfer-encoding'} // '') eq 'chunked') {
		my ($text, $pos) = ('', 0);

		while (1) {
			pos($c->{in}) = $pos;
			$c->{in} =~ /\G([0-9a-fA-F]+)[^\n]*\r\n/g or last;
			my ($start, $len) = (pos $c->{in}, hex $1);
			last if length $c->{in} < $start + $len + 2;
			$text .= substr $c->{in}, $start, $len;
			$pos = $start + $len + 2;
			next if $len;
			substr $c->{in}, 0, $pos, '';
			return _complete($c, $text);
		}

	} elsif (defined $length) {
		return _complete($c, substr $c->{in}, 0, $length, '')
			if length $c->{in} >= $length;

	} elsif ($eof) {
		return _complete($c, $c->{in});
	}

	return unless $eof;
	$response->{body} = $c->{in};
	_end($c, 'closed');
}

sub _complete($c, $body) {
	my $response = $c->{response};

	$response->{body} = $body;
	$response->{json} = eval { decode_json($body) }
		if length $body < 1 << 20;
	_end($c);
}

1;
