package Test::LLMBatch::Server::Cloudflare;

# Copyright (C) The ngx_http_llm_batch_module authors

# /ai/run/@cf/... of Cloudflare's Workers AI for models that embed texts: 100 of
# them at most, the answer by place, and how many vectors there are.

use v5.36;

use parent 'Test::LLMBatch::Server';

use Test::LLMBatch::Server qw/ floats js seed vector /;

my $max_items = 100;


sub items($self, $request) {
	return unless ref $request eq 'HASH' and defined $request->{text};
	return ref $request->{text} eq 'ARRAY' ? @{$request->{text}}
		: $request->{text};
}

sub columns($self, $request) { return 'text' }
sub usage_paths($self) { return () }

sub error($self, $status, $message) {
	return js({ result => undef, success => \0, messages => [],
		errors => [ { code => 5006, message => "AiError: $message" } ] });
}

sub refuse($self, $request, $how) {
	my @items = $self->items($request);

	return 400, $self->error(400, "too many items, at most $max_items")
		if @items > $max_items;
	return;
}

sub answer($self, $request, $how) {
	my @items = $self->items($request);
	my $model = $self->{path} =~ s!.*\@cf/!!r;
	my %key = %$request;

	delete $key{text};

	my @e = $self->disturb($how, map {
		[ $_, floats(vector(seed($model . js(\%key), $items[$_]))) ]
	} 0 .. $#items);
	my $pooling = js($request->{pooling} // 'mean');

	return '{"result":{"shape":[' . @e . ',8],"data":['
		. join(',', map { $_->[1] } @e) . qq!],"pooling":$pooling},!
		. '"success":true,"errors":[],"messages":[]}';
}

1;
