package Test::LLMBatch::Posted;

# Copyright (C) The ngx_http_llm_batch_module authors

# For tools/nginx-tests: with -MTest::LLMBatch::Posted each GET that a test of
# nginx's own suite makes becomes a POST of JSON, so the module holds it.

use v5.36;

my $n = 0;

sub import($class) {
	require Test::Nginx;

	no warnings 'redefine';

	my $start = \&Test::Nginx::http_start;

	*Test::Nginx::http_start = sub {
		my ($request, @more) = @_;
		return $start->(posted($request), @more);
	};
}

# one whole request without a body, and nothing else

sub posted($request) {
	my ($head) = $request =~ /\AGET( \S+ HTTP\/1\..*?\n)\r?\n\z/s
		or return $request;
	my $body = '{"model":"m","input":"text ' . ++$n . '"}';
	my $length = length $body;

	return $request if $head =~ /\n\r?\n|^Content-/mi;
	return "POST${head}Content-Type: application/json\r\n"
		. "Content-Length: $length\r\n\r\n$body";
}

1;
